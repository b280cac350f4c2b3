/**
 * Many small byte strings in one transferable buffer. Layout: for each, a little-endian int32 length (−1 for
 * null) and the bytes. What is unpacked are views of that one buffer.
 */
import { assert } from '../../core/assert.ts'

const numberBytes = 4

/** What the bytes take in a packer; a number takes as much as null. */
export function packedBytes(bytes: Uint8Array | null): number {
  return numberBytes + (bytes?.length ?? 0)
}

export class Packer {
  #bytes: Buffer
  #length = 0

  /** @param bytesExpected where it is exact, nothing is copied a second time */
  constructor(bytesExpected: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(bytesExpected))
  }

  add(bytes: Uint8Array | null): void {
    this.#reserve(packedBytes(bytes))
    this.#bytes.writeInt32LE(bytes === null ? -1 : bytes.length, this.#length)
    this.#length += numberBytes
    if (bytes === null) return
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  addNumber(value: number): void {
    this.#reserve(numberBytes)
    this.#bytes.writeInt32LE(value, this.#length)
    this.#length += numberBytes
  }

  /** To be transferred; the packer is used up. */
  finish(): ArrayBuffer {
    return (this.#bytes.buffer as ArrayBuffer).transfer(this.#length)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.from(new ArrayBuffer(Math.max(needed, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

export class Unpacker {
  readonly #bytes: Buffer
  #position = 0

  constructor(buffer: ArrayBuffer) {
    this.#bytes = Buffer.from(buffer)
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length
  }

  next(): Buffer | null {
    const length = this.nextNumber()
    if (length === -1) return null
    const start = this.#position
    this.#position += length
    assert(this.#position <= this.#bytes.length, 'packed bytes end where they say')
    return this.#bytes.subarray(start, this.#position)
  }

  nextBytes(): Buffer {
    const bytes = this.next()
    assert(bytes !== null, 'packed bytes are not null here')
    return bytes
  }

  nextNumber(): number {
    const value = this.#bytes.readInt32LE(this.#position)
    this.#position += numberBytes
    return value
  }
}
