/** Longer names are not compared: the distance costs their product. */
const nameLengthMax = 100

/** The known name that a misspelt one most likely meant; null where none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > nameLengthMax) return null
  let nearest: string | null = null
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(folded(name), folded(candidate), least)
    if (distance < least) {
      least = distance
      nearest = candidate
    }
  }
  return nearest
}

/** `answerId`, `answer-id` and `answer_id` are one name to a person. */
function folded(name: string): string {
  return name.toLowerCase().replace(/[_\-. ]/g, '')
}

/** Levenshtein's distance, or `enough` where it is not less. */
function editDistance(from: string, to: string, enough: number): number {
  if (Math.abs(from.length - to.length) >= enough) return enough
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      current.push(
        Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1),
      )
    }
    previous = current
  }
  return previous[to.length] ?? enough
}
