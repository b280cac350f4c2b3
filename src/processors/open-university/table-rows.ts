/**
 * From a topic's rows as received to `raw_*` and `clean_*`, each the current version of its row. What fails a check
 * stays in `raw_*`, is quarantined, and goes no further.
 */
import { noHeaders } from '../../core/record.ts'
import {
  columnsOf,
  sourceRowField,
  type CleanValues,
  type RawValues,
  type TableSpec,
} from '../../facts/open-university-tables.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { cleanerOf, type Cleaner, type CleanResult } from './clean-values.ts'
import { joinVersion, placeOf, type VersionChange, type Versions } from './versions.ts'

/** A clean row that is new or changed. */
export interface CleanChange {
  readonly before: CleanValues | null
  readonly after: CleanValues
}

export interface TableRowsOptions {
  readonly spec: TableSpec
  readonly store: string
  /** The node that gets clean changes, under the key they came with; null where nobody asks. */
  readonly changesTo: string | null
  /** The node that gets the days which rows name; null where the table has none. */
  readonly daysTo: string | null
}

/** The names of the nodes that get what the processor forwards. */
export function tableRowsPorts({ name }: TableSpec) {
  return { raw: `raw-${name}`, clean: `clean-${name}` } as const
}

type RowKey = readonly (string | number)[]
type Cells = readonly (string | null)[]

export class TableRowsProcessor implements Processor<RowKey, RawValues | null> {
  readonly #options: TableRowsOptions
  readonly #ports: ReturnType<typeof tableRowsPorts>
  readonly #columns: readonly string[]
  readonly #clean: Cleaner
  #context!: ProcessorContext
  #rows!: KeyValueStore<RowKey, Versions>
  /** Named by good rows of this batch, with when. */
  readonly #days = new Set<number>()

  constructor(options: TableRowsOptions) {
    const { spec } = options
    this.#options = options
    this.#ports = tableRowsPorts(spec)
    this.#columns = columnsOf(spec).map(({ name }) => name)
    this.#clean = cleanerOf(spec)
  }

  init(context: ProcessorContext): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
  }

  prefetch({ value }: StreamRecord, _parent: string, prefetch: Prefetch): void {
    if (value !== null) prefetch.key(this.#options.store, this.#identityOf(value as RawValues))
  }

  process({ key, value, timestampMs }: StreamRecord<RowKey, RawValues | null>): void {
    if (value === null) {
      this.#context.countDropped('null-value')
      return
    }
    const cleaned = this.#clean(value)
    for (const fault of cleaned.faults) this.#context.quarantine(fault)
    // Of every version, so that those a later one has replaced need not be remembered.
    if (cleaned.isGood) for (const day of cleaned.days) this.#days.add(day)
    const identity = this.#identityOf(value)
    const cells = this.#columns.map((column) => value[column] ?? null)
    const place = placeOf(value[sourceRowField])
    const next = { ms: timestampMs, place, cells, isGood: cleaned.isGood }
    const change = joinVersion(this.#rows.get(identity), next)
    if (change === null) {
      this.#context.countDropped('duplicate')
      return
    }
    this.#rows.put(identity, change.versions)
    // Mostly the row itself; else the greatest of its file, which came before.
    const cleanedOf = (counted: Cells) =>
      counted === cells ? cleaned : this.#clean(this.#rawOf(counted))
    this.#forward(key, change, cleanedOf)
  }

  flush(): void {
    const { daysTo } = this.#options
    if (daysTo === null) return
    for (const day of this.#days) {
      const timestampMs = this.#context.wallClockMs
      const record = { key: [day], value: day, timestampMs, headers: noHeaders }
      this.#context.forward(record, daysTo)
    }
    this.#days.clear()
  }

  #forward(
    key: RowKey,
    { raw, clean, before }: VersionChange,
    cleanedOf: (cells: Cells) => CleanResult,
  ): void {
    if (raw === null && clean === null) {
      this.#context.countDropped('duplicate')
      return
    }
    const known_at = this.#context.wallClockMs
    if (raw !== null) {
      const { eventTimeMs } = cleanedOf(raw)
      const row = { ...this.#rawOf(raw), event_time: eventTimeMs, known_at }
      const times = { timestampMs: eventTimeMs, headers: noHeaders }
      this.#context.forward({ ...times, key: this.#rowKey(row), value: row }, this.#ports.raw)
    }
    if (clean === null) return
    const { values, eventTimeMs } = cleanedOf(clean)
    const row = { ...values, event_time: eventTimeMs, known_at }
    const times = { timestampMs: eventTimeMs, headers: noHeaders }
    this.#context.forward({ ...times, key: this.#rowKey(row), value: row }, this.#ports.clean)
    const { changesTo } = this.#options
    if (changesTo === null) return
    const change: CleanChange = {
      before: before === null ? null : this.#clean(this.#rawOf(before)).values,
      after: values,
    }
    this.#context.forward({ ...times, key, value: change }, changesTo)
  }

  #identityOf(value: RawValues): RowKey {
    return this.#options.spec.identity.map((column) => value[column] ?? '')
  }

  #rowKey(row: RawValues | CleanValues): RowKey {
    return this.#options.spec.identity.map((column) => row[column] ?? '')
  }

  #rawOf(cells: Cells): RawValues {
    const row: Record<string, string | null> = {}
    for (const [index, column] of this.#columns.entries()) row[column] = cells[index] ?? null
    return row
  }
}
