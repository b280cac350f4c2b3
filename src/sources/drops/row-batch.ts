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
  /** Room of `#capacity` for each column, one behind the other. */
  #columns: Uint8Array
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
    const columns = this.#columns
    const capacity = this.#capacity
    for (let field = 0; field < this.#fieldCount; field++) {
      columns[field * capacity + at] = row[field] as number
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
    for (let field = 0; field < this.#fieldCount; field++) {
      const start = field * this.#capacity
      packed.set(this.#columns.subarray(start, start + count), field * count)
    }
    return packed
  }

  #newColumns(): Uint8Array {
    return new Uint8Array(this.#capacity * this.#fieldCount)
  }

  #grow(): void {
    const capacity = this.#capacity
    const before = this.#columns
    this.#capacity = Math.min(batchRowsMax, capacity * 4)
    this.#columns = this.#newColumns()
    for (let field = 0; field < this.#fieldCount; field++) {
      const start = field * capacity
      this.#columns.set(before.subarray(start, start + capacity), field * this.#capacity)
    }
  }
}
