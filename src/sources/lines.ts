/** Lines out of a stream of bytes, in bounded memory. LF and CRLF end a line; a BOM is no part of the first. */

export interface Line {
  /** From 1. */
  readonly number: number
  /** Without its end; the first `lineBytesMax` of a line that is longer. */
  readonly bytes: Buffer
  /** Of the whole line. */
  readonly length: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** All lines of each chunk at a time; an empty last line is no line. */
export async function* lines(
  chunks: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<readonly Line[]> {
  const splitter = new LineSplitter(lineBytesMax)
  for await (const chunk of chunks) {
    const found = splitter.add(chunk)
    if (found.length > 0) yield found
  }
  const last = splitter.end()
  if (last !== null) yield [last]
}

class LineSplitter {
  readonly #lineBytesMax: number
  #number = 1
  /** The pieces of a line that goes on in the next chunk, and how long it is so far. */
  #pieces: Buffer[] = []
  #keptBytes = 0
  #length = 0

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax
  }

  add(chunk: Buffer): Line[] {
    const found: Line[] = []
    let from = 0
    for (let to = chunk.indexOf(lineFeed); to !== -1; to = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, to))
      found.push(this.#line())
      from = to + 1
    }
    this.#keep(chunk.subarray(from))
    return found
  }

  end(): Line | null {
    return this.#length === 0 ? null : this.#line()
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length
    // One byte more than may be kept, so that a carriage return can go.
    const room = this.#lineBytesMax + 1 - this.#keptBytes
    if (room <= 0 || piece.length === 0) return
    const kept = piece.length > room ? piece.subarray(0, room) : piece
    this.#pieces.push(kept)
    this.#keptBytes += kept.length
  }

  #line(): Line {
    let bytes = this.#pieces.length === 1 ? this.#pieces[0] : undefined
    bytes ??= Buffer.concat(this.#pieces)
    let length = this.#length
    if (length === bytes.length && bytes.at(-1) === carriageReturn) {
      length--
      bytes = bytes.subarray(0, length)
    }
    if (bytes.length > this.#lineBytesMax) bytes = bytes.subarray(0, this.#lineBytesMax)
    if (this.#number === 1 && bytes.subarray(0, 3).equals(byteOrderMark)) {
      bytes = bytes.subarray(3)
      length -= 3
    }
    const line = { number: this.#number, bytes, length }
    this.#number++
    this.#pieces = []
    this.#keptBytes = 0
    this.#length = 0
    return line
  }
}

/** True where a line holds nothing but spaces and tabs. */
export function isBlank({ bytes, length }: Line): boolean {
  return length === bytes.length && bytes.every((byte) => byte === 0x20 || byte === 0x09)
}
