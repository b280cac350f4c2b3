/** Rows of a file as columns of codes, one byte a row; all in one buffer, which crosses threads in one piece. */
import type { FileSchema } from '../../quality/file-schema.ts'

export interface RowBatch {
  /** Which part of the file, from 0. */
  readonly index: number
  /** Of each row, its number in the file, from 1. */
  readonly rowNumbers: Int32Array
  /** A code for each row; one column behind the other, in the order of the schema's fields. */
  readonly codes: Uint8Array
}

/** Rows of one part: some 300 KB, below every limit for one record. */
export const batchRowsMax = 8192

/** The codes of one field, a view. */
export function columnOf({ rowNumbers: { length }, codes }: RowBatch, field: number): Uint8Array {
  return codes.subarray(field * length, (field + 1) * length)
}

/** Fills one batch after another; a batch is handed on when the next one begins, so that the last is known. */
export class RowBatchBuilder {
  readonly #fieldCount: number
  #index = 0
  #rowNumbers: number[] = []
  #columns: Uint8Array[]
  /** Most files are small. */
  #capacity = 512

  constructor(schema: FileSchema) {
    this.#fieldCount = schema.fields.length
    this.#columns = this.#newColumns()
  }

  /** A batch that is full, to be handed on before `row` is the first of the next. */
  add(rowNumber: number, row: Uint8Array): RowBatch | null {
    const full = this.#rowNumbers.length === batchRowsMax ? this.#take() : null
    const at = this.#rowNumbers.length
    if (at === this.#capacity) this.#grow()
    for (let field = 0; field < this.#fieldCount; field++) {
      const column = this.#columns[field] as Uint8Array
      column[at] = row[field] as number
    }
    this.#rowNumbers.push(rowNumber)
    return full
  }

  /** What is left; of a file without rows, a batch without rows. */
  last(): RowBatch {
    return this.#take()
  }

  #take(): RowBatch {
    const count = this.#rowNumbers.length
    const batch: RowBatch = {
      index: this.#index,
      rowNumbers: Int32Array.from(this.#rowNumbers),
      codes: this.#packed(count),
    }
    this.#index++
    this.#rowNumbers = []
    return batch
  }

  /** Of the length of the batch, and of its own: the columns are filled anew. */
  #packed(count: number): Uint8Array {
    const packed = new Uint8Array(count * this.#fieldCount)
    for (const [field, column] of this.#columns.entries()) {
      packed.set(column.subarray(0, count), field * count)
    }
    return packed
  }

  #newColumns(): Uint8Array[] {
    return Array.from({ length: this.#fieldCount }, () => new Uint8Array(this.#capacity))
  }

  #grow(): void {
    this.#capacity = Math.min(batchRowsMax, this.#capacity * 4)
    const before = this.#columns
    this.#columns = this.#newColumns()
    for (const [field, column] of before.entries()) this.#columns[field]?.set(column)
  }
}
