/**
 * Looks each record of a stream up in a table (or a global table): its own key, or the one that `keyOf` names.
 * Of a versioned table it is the row of the record's time. The table's later updates change nothing in what was joined
 * before; where they must, use a foreign-key join
 * of two tables.
 */
import { dropReason } from './aggregate.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { TableReader, TableView } from './table-view.ts'
import type { Timestamped } from './timestamped.ts'

export interface StreamTableJoinOptions<K, V, KTable, VTable, R> {
  readonly table: TableView<KTable, VTable>
  /** Null where there is nothing to look up. */
  readonly keyOf: (key: K, value: V) => KTable | null
  readonly joiner: (value: V, tableValue: VTable | null, key: K) => R
  /** True: records without a row are joined with null. False: they are left out. */
  readonly isLeft: boolean
  /** True: a record without a key is dropped, because its own key is what is looked up. */
  readonly needsKey: boolean
}

export class StreamTableJoinProcessor<K, V, KTable, VTable, R> implements Processor<
  K,
  V | null,
  K,
  R
> {
  readonly #options: StreamTableJoinOptions<K, V, KTable, VTable, R>
  #context!: ProcessorContext<K, R>
  #table!: TableReader<KTable, VTable>

  constructor(options: StreamTableJoinOptions<K, V, KTable, VTable, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    this.#table = this.#options.table.open(context)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (!this.#takes(record)) return
    const key = this.#options.keyOf(record.key, record.value)
    if (key !== null && key !== undefined) this.#options.table.prefetch(key, prefetch)
  }

  process(record: StreamRecord<K, V | null>): void {
    if (!this.#takes(record)) {
      this.#context.countDropped(dropReason(record))
      return
    }
    const { keyOf, joiner, isLeft } = this.#options
    const { key, value, timestampMs, headers } = record
    const tableKey = keyOf(key, value)
    const row =
      tableKey === null || tableKey === undefined ? undefined : this.#row(tableKey, timestampMs)
    const tableValue = row?.value ?? null
    if (tableValue === null && !isLeft) return
    this.#context.forward({ key, value: joiner(value, tableValue, key), timestampMs, headers })
  }

  /** Of a versioned table the row as it was at the record's time (KIP-914). */
  #row(key: KTable, timestampMs: number): Timestamped<VTable> | undefined {
    const { getAsOf } = this.#table
    return getAsOf === undefined ? this.#table.get(key) : getAsOf(key, timestampMs)
  }

  /** A left join keeps a record without a key (KIP-962); without a value there is nothing to join. */
  #takes(record: StreamRecord<K, V | null>): record is StreamRecord<K, V & {}> {
    if (record.value === null || record.value === undefined) return false
    const { needsKey, isLeft } = this.#options
    return !needsKey || isLeft || (record.key !== null && record.key !== undefined)
  }
}
