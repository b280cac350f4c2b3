/** What a good file is told about: rows without values, rows that are there twice, values far from the others. */
import type { Finding } from '../../processors/student-performance/batch.ts'
import type { FileSchema } from '../../quality/file-schema.ts'

/** Different rows that are remembered: beyond them a file is only compared with its first ones. */
const distinctRowsMax = 200_000
const codes = 256

export class FileFindings {
  readonly #schema: FileSchema
  /** Of each field, how often each code occurs; one field behind the other. */
  readonly #counts: Uint32Array
  readonly #missing: Uint32Array
  readonly #seen = new Set<string>()
  #duplicates = 0
  #firstDuplicate = 0
  #kept = 0
  #removed = 0

  constructor(schema: FileSchema) {
    this.#schema = schema
    this.#counts = new Uint32Array(schema.fields.length * codes)
    this.#missing = new Uint32Array(schema.fields.length)
  }

  /** A row whose values are all there. The same buffer may come again with the next row. */
  keep(rowNumber: number, row: Buffer): void {
    this.#kept++
    const counts = this.#counts
    for (let field = 0; field < row.length; field++) {
      const place = field * codes + (row[field] as number)
      counts[place] = (counts[place] as number) + 1
    }
    const text = row.toString('latin1')
    if (this.#seen.has(text)) {
      this.#duplicates++
      if (this.#firstDuplicate === 0) this.#firstDuplicate = rowNumber
    } else if (this.#seen.size < distinctRowsMax) this.#seen.add(text)
  }

  /** @param missing the places of the fields that have no value */
  remove(missing: readonly number[]): void {
    this.#removed++
    for (const field of missing) this.#missing[field] = (this.#missing[field] as number) + 1
  }

  get rowsKept(): number {
    return this.#kept
  }

  get rowsRemoved(): number {
    return this.#removed
  }

  all(): readonly Finding[] {
    return [
      ...this.#incomplete(),
      ...this.#missingValues(),
      ...this.#duplicateRows(),
      ...this.#outliers(),
    ]
  }

  *#incomplete(): Generator<Finding> {
    const read = this.#kept + this.#removed
    if (this.#removed <= read * this.#schema.removedShareMax) return
    const detail = `${this.#removed} of ${read} rows have missing values`
    yield { check: 'incomplete_set', column: '', rows: this.#removed, detail }
  }

  *#missingValues(): Generator<Finding> {
    for (const [index, { name }] of this.#schema.fields.entries()) {
      const rows = this.#missing[index] as number
      const detail = 'no value; the rows were removed'
      if (rows > 0) yield { check: 'missing_values', column: name, rows, detail }
    }
  }

  *#duplicateRows(): Generator<Finding> {
    if (this.#duplicates === 0) return
    const bound =
      this.#seen.size === distinctRowsMax ? `; compared with the first ${distinctRowsMax} only` : ''
    const detail = `equal to an earlier row of the file; the first is row ${this.#firstDuplicate}${bound}`
    yield { check: 'duplicate_rows', column: '', rows: this.#duplicates, detail }
  }

  /** Tukey's fences (Exploratory Data Analysis, 1977) around quartiles that are interpolated, as numpy and R do. */
  *#outliers(): Generator<Finding> {
    const { fields, outlierFence } = this.#schema
    for (const [index, field] of fields.entries()) {
      if (field.type !== 'whole' || !field.outliers || this.#kept === 0) continue
      const counts = this.#counts.subarray(index * codes, (index + 1) * codes)
      const [lower, upper] = [this.#quantile(counts, 0.25), this.#quantile(counts, 0.75)]
      const reach = outlierFence * (upper - lower)
      const [least, most] = [lower - reach, upper + reach]
      let rows = 0
      for (let code = 0; code < codes; code++) {
        if (code < least || code > most) rows += counts[code] as number
      }
      const detail = `outside ${least} to ${most}`
      if (rows > 0) yield { check: 'outliers', column: field.name, rows, detail }
    }
  }

  #quantile(counts: Uint32Array, share: number): number {
    const place = (this.#kept - 1) * share
    const below = valueAt(counts, Math.floor(place))
    const above = valueAt(counts, Math.ceil(place))
    return below + (above - below) * (place - Math.floor(place))
  }
}

/** The value at this place, from 0, of all in order. */
function valueAt(counts: Uint32Array, place: number): number {
  let before = 0
  for (let code = 0; code < counts.length; code++) {
    before += counts[code] as number
    if (before > place) return code
  }
  return counts.length - 1
}
