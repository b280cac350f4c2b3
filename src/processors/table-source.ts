/**
 * Turns a stream of updates into a table, by event time: of all updates of a key the one with the greatest
 * (timestamp, then delete over value, then value bytes) is the row, in whatever order and however often they
 * arrive (law 1; docs/decisions/0002-tables-by-event-time.md). A delete stays in the store as a row without a
 * value, so that an older update cannot bring the key back.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'

export interface TableSourceOptions<K, V> {
  readonly store: StoreName
  readonly keySerde: Serde<K>
  /** Must give equal bytes for equal values: they decide between updates of the same moment. */
  readonly valueSerde: Serde<V>
  readonly emit: Emit
}

export class TableSourceProcessor<K, V> implements Processor<K, V | null, K, Change<V>> {
  readonly #options: TableSourceOptions<K, V>
  #context!: ProcessorContext<K, Change<V>>
  #rows!: KeyValueStore<K, Timestamped<V>>
  #emitter!: ChangeEmitter<K, V>

  constructor(options: TableSourceOptions<K, V>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (hasKey(record)) prefetch.key(this.#options.store, record.key)
  }

  process(record: StreamRecord<K, V | null>): void {
    if (!hasKey(record)) {
      this.#context.countDropped('null-key')
      return
    }
    const { key, timestampMs } = record
    const value = record.value ?? null
    const row = this.#rows.get(key)
    if (row !== undefined) {
      const order = compareUpdates(this.#options.valueSerde, { value, timestampMs }, row)
      if (order <= 0) {
        this.#context.countDropped(order === 0 ? 'duplicate' : 'late')
        return
      }
    }
    this.#rows.put(key, { value, timestampMs })
    const oldValue = row?.value ?? null
    if (oldValue === null && value === null) return
    this.#emitter.emit({ ...record, value: { oldValue, newValue: value } })
  }

  flush(): void {
    this.#emitter.flush()
  }
}

/** Above 0 where the update beats the row. */
export function compareUpdates<V>(
  valueSerde: Serde<V>,
  update: Timestamped<V>,
  row: Timestamped<V>,
): number {
  if (update.timestampMs !== row.timestampMs) return update.timestampMs - row.timestampMs
  if (update.value === null || row.value === null) {
    return Number(update.value === null) - Number(row.value === null)
  }
  return Buffer.compare(valueSerde.serialize(update.value), valueSerde.serialize(row.value))
}

function hasKey(record: StreamRecord): boolean {
  return record.key !== null && record.key !== undefined
}
