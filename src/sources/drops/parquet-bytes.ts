/**
 * Bytes of a Parquet file in the making. Its headers are Thrift's compact protocol
 * (https://github.com/apache/thrift: doc/specs/thrift-compact-protocol.md), of which they need numbers from 0 on, texts, lists
 * and structs: a field is written with how far its number is from the one before it.
 */

/** Thrift's numbers for the kinds of a field. */
const kinds = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const
/** A field that follows this closely takes one byte, a list that is shorter too. */
const shortMax = 15
const firstBytes = 16 * 1024

export class ParquetBytes {
  #bytes = Buffer.allocUnsafe(firstBytes)
  #length = 0
  /** Of the struct that is being written, and of those around it. */
  #lastField = 0
  readonly #outer: number[] = []

  get length(): number {
    return this.#length
  }

  /** What was written since the last call; overwritten by what is written next. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#length = 0
    return taken
  }

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  int32(value: number): void {
    this.#room(4)
    this.#length = this.#bytes.writeInt32LE(value, this.#length)
  }

  /** Base 128, the least first. */
  varint(value: number): void {
    this.#room(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** So many bytes that the caller fills; they are zero. */
  reserve(count: number): Buffer {
    this.#room(count)
    const from = this.#length
    this.#length += count
    return this.#bytes.subarray(from, this.#length).fill(0)
  }

  i32(field: number, value: number): void {
    this.#field(field, kinds.i32)
    this.#number(value)
  }

  i64(field: number, value: number): void {
    this.#field(field, kinds.i64)
    this.#number(value)
  }

  text(field: number, value: Uint8Array): void {
    this.#field(field, kinds.text)
    this.#text(value)
  }

  i32List(field: number, values: readonly number[]): void {
    this.#list(field, kinds.i32, values.length)
    for (const value of values) this.#number(value)
  }

  textList(field: number, values: readonly Uint8Array[]): void {
    this.#list(field, kinds.text, values.length)
    for (const value of values) this.#text(value)
  }

  structList<Item>(field: number, items: readonly Item[], write: (item: Item) => void): void {
    this.#list(field, kinds.struct, items.length)
    for (const item of items) this.struct(() => write(item))
  }

  structField(field: number, write: () => void): void {
    this.#field(field, kinds.struct)
    this.struct(write)
  }

  /** One that stands by itself, or in a list. */
  struct(write: () => void): void {
    this.#outer.push(this.#lastField)
    this.#lastField = 0
    write()
    this.byte(0)
    this.#lastField = this.#outer.pop() ?? 0
  }

  #field(field: number, kind: number): void {
    // Parquet numbers no two fields of a struct further apart.
    this.byte(((field - this.#lastField) << 4) | kind)
    this.#lastField = field
  }

  #list(field: number, kind: number, count: number): void {
    this.#field(field, kinds.list)
    if (count < shortMax) return this.byte((count << 4) | kind)
    this.byte((shortMax << 4) | kind)
    this.varint(count)
  }

  /** Numbers are written zigzag, so that the sign is the last bit. */
  #number(value: number): void {
    this.varint(value * 2)
  }

  #text(value: Uint8Array): void {
    this.varint(value.length)
    this.raw(value)
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe((this.#length + count) * 2)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
