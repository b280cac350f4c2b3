/** ClickHouse's type names, one level at a time. */
export interface ColumnType {
  readonly name: string
  /** What stands in the parentheses: types, for some also numbers, zones or named values. */
  readonly inner: readonly string[]
}

/** `Map(String, Array(Int64))` is `Map` of `String` and `Array(Int64)`. */
export function parseType(type: string): ColumnType {
  const open = type.indexOf('(')
  if (open === -1) return { name: type.trim(), inner: [] }
  const inner: string[] = []
  let depth = 0
  let from = open + 1
  let quote: string | null = null
  for (let at = open; at < type.length; at++) {
    const character = type[at] ?? ''
    if (character === '\\') {
      at++
    } else if (quote !== null) {
      if (character === quote) quote = null
    } else if (character === "'" || character === '`') {
      quote = character
    } else if (character === '(') {
      depth++
    } else if (character === ')') {
      depth--
      if (depth === 0) {
        const last = type.slice(from, at).trim()
        if (last !== '') inner.push(last)
        break
      }
    } else if (character === ',' && depth === 1) {
      inner.push(type.slice(from, at).trim())
      from = at + 1
    }
  }
  return { name: type.slice(0, open).trim(), inner }
}

/** The type of a tuple's element, which may carry a name: `score Float64`. */
export function elementType(element: string): string {
  const named = /^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+([A-Z].*)$/s.exec(element)
  return named?.[1] ?? element
}
