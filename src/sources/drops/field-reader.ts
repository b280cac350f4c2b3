/** Cells of one field to codes. A file has few different texts in a column: each is judged once. */
import type { FileField, FileSchema } from '../../quality/file-schema.ts'

export const missingCode = -1
export const refusedCode = -2

/** Different texts that one reader remembers; numbers with odd zeros before them could be endless. */
const textsMax = 4096

export class FieldReader {
  readonly field: FileField
  readonly #missing: ReadonlySet<string>
  readonly #codes = new Map<string, number>()

  constructor(field: FileField, { missing }: FileSchema) {
    this.field = field
    this.#missing = missing
  }

  /** `missingCode`, `refusedCode`, or the value's code. */
  read(cell: string): number {
    const known = this.#codes.get(cell)
    if (known !== undefined) return known
    const code = this.#judge(cell.trim().toLowerCase())
    if (this.#codes.size < textsMax) this.#codes.set(cell, code)
    return code
  }

  #judge(text: string): number {
    if (this.#missing.has(text)) return missingCode
    const { field } = this
    if (field.type === 'text') {
      const place = field.values.indexOf(text)
      return place === -1 ? refusedCode : place
    }
    if (!/^[+-]?\d+$/.test(text)) return refusedCode
    const value = Number(text)
    const [least, most] = field.range
    return value >= least && value <= most ? value : refusedCode
  }
}
