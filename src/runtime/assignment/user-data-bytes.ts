/**
 * The frame of user data: a mark, the version that wrote it, the oldest version that can read it, and a deflated
 * body. A later version only appends to the body, so every version reads the part that it knows.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'

const mark = Buffer.from('TM')
const headerBytes = mark.length + 2
const bodyBytesMax = 64 * 1024 * 1024

export class UserDataWriter {
  readonly #parts: Buffer[] = []

  number(value: number): this {
    const bytes: number[] = []
    let rest = value
    // Division and not shifts: offsets go beyond 32 bits.
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    this.#parts.push(Buffer.from([...bytes, rest]))
    return this
  }

  nullableNumber(value: number | null): this {
    return this.number(value === null ? 0 : value + 1)
  }

  text(value: string): this {
    const bytes = Buffer.from(value)
    this.number(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  nullableText(value: string | null): this {
    return value === null ? this.number(0) : this.number(1).text(value)
  }

  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.number(items.length)
    for (const item of items) write(item)
    return this
  }

  frame(version: number, oldestReader: number): Buffer {
    const body = deflateRawSync(Buffer.concat(this.#parts))
    return Buffer.concat([mark, Buffer.from([version, oldestReader]), body])
  }
}

export class UserDataReader {
  readonly #body: Buffer
  #position = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#body.readUInt8(this.#position++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    if (!Number.isSafeInteger(value)) throw new RangeError(`number ${value} in user data`)
    return value
  }

  nullableNumber(): number | null {
    const value = this.number()
    return value === 0 ? null : value - 1
  }

  text(): string {
    const length = this.number()
    const end = this.#position + length
    if (end > this.#body.length) throw new RangeError(`text of ${length} bytes in user data`)
    const text = this.#body.toString('utf8', this.#position, end)
    this.#position = end
    return text
  }

  nullableText(): string | null {
    return this.number() === 0 ? null : this.text()
  }

  list<T>(read: () => T): T[] {
    const items: T[] = []
    for (let left = this.number(); left > 0; left--) items.push(read())
    return items
  }
}

/** Null where the bytes are not user data that `readerVersion` can read: another program's, or of a version that says
 * so. Such a member is one of which nothing is known. */
export function readUserData<T>(
  bytes: Buffer,
  readerVersion: number,
  read: (reader: UserDataReader, version: number) => T,
): T | null {
  if (bytes.length < headerBytes || !bytes.subarray(0, mark.length).equals(mark)) return null
  const version = bytes.readUInt8(mark.length)
  const oldestReader = bytes.readUInt8(mark.length + 1)
  if (version < 1 || oldestReader > readerVersion) return null
  try {
    const body = inflateRawSync(bytes.subarray(headerBytes), { maxOutputLength: bodyBytesMax })
    return read(new UserDataReader(body), version)
  } catch {
    return null
  }
}
