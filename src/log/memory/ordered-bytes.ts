/**
 * A sorted map of bytes. Keys are held as latin-1 strings, whose order is the order of the bytes and which a
 * Map finds at once; the sorted keys are in chunks, so that an insertion moves few of them.
 */
import type { StorageEntry } from '../ordered-storage.ts'

const chunkKeysMax = 512

export class OrderedBytes {
  readonly #values = new Map<string, Buffer>()
  /** Never empty; every chunk but an only one holds a key. */
  #chunks: string[][] = [[]]

  get size(): number {
    return this.#values.size
  }

  get(key: Buffer): Buffer | null {
    return this.#values.get(key.toString('latin1')) ?? null
  }

  put(key: Buffer, value: Buffer): void {
    const text = key.toString('latin1')
    if (!this.#values.has(text)) this.#insert(text)
    this.#values.set(text, value)
  }

  delete(key: Buffer): void {
    this.#deleteText(key.toString('latin1'))
  }

  /** All keys in [from, to). */
  deleteRange(from: Buffer, to: Buffer): void {
    const doomed = [...this.#keys(from.toString('latin1'), to.toString('latin1'), false, Infinity)]
    for (const text of doomed) this.#deleteText(text)
  }

  scan(range: {
    readonly from: Buffer
    readonly to: Buffer
    readonly reverse?: boolean
    readonly entriesMax: number
  }): StorageEntry[] {
    const { from, to, reverse = false, entriesMax } = range
    const entries: StorageEntry[] = []
    for (const text of this.#keys(
      from.toString('latin1'),
      to.toString('latin1'),
      reverse,
      entriesMax,
    )) {
      const value = this.#values.get(text) as Buffer
      entries.push({ key: Buffer.from(text, 'latin1'), value })
    }
    return entries
  }

  *#keys(from: string, to: string, reverse: boolean, keysMax: number): Iterable<string> {
    const step = reverse ? -1 : 1
    // Reversed, it begins below `to`; otherwise at `from`.
    let chunkIndex = this.#chunkOf(reverse ? to : from)
    let index = lowerBound(this.#chunks[chunkIndex] as string[], reverse ? to : from)
    if (reverse) index--
    for (let left = keysMax; left > 0; index += step) {
      while (this.#chunks[chunkIndex]?.[index] === undefined) {
        chunkIndex += step
        const chunk = this.#chunks[chunkIndex]
        if (chunk === undefined) return
        index = reverse ? chunk.length - 1 : 0
      }
      const text = this.#chunks[chunkIndex]?.[index] as string
      if (text < from || text >= to) return
      yield text
      left--
    }
  }

  #insert(text: string): void {
    const chunkIndex = this.#chunkOf(text)
    const chunk = this.#chunks[chunkIndex] as string[]
    const index = lowerBound(chunk, text)
    if (index === chunk.length) chunk.push(text)
    else chunk.splice(index, 0, text)
    if (chunk.length <= chunkKeysMax) return
    // Appending keys in order leaves full chunks behind, not half-full ones.
    const at = index === chunk.length - 1 ? chunkKeysMax : chunkKeysMax / 2
    this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(at))
  }

  #deleteText(text: string): void {
    if (!this.#values.delete(text)) return
    const chunkIndex = this.#chunkOf(text)
    const chunk = this.#chunks[chunkIndex] as string[]
    chunk.splice(lowerBound(chunk, text), 1)
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(chunkIndex, 1)
  }

  /** The last chunk whose first key is at or before `text`. */
  #chunkOf(text: string): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#chunks[middle]?.[0] as string) <= text) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The index of the first key that is not before `text`. */
function lowerBound(keys: readonly string[], text: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as string) < text) low = middle + 1
    else high = middle
  }
  return low
}
