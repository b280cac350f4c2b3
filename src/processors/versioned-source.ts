/**
 * Turns a stream of updates into a versioned table (KIP-889): as TableSourceProcessor, by event time, and each update
 * that is older than the row goes into the row's history. Only what changes the row itself is handed on.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { VersionedStore } from '../state/stores.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import { compareUpdates } from './table-source.ts'

export interface VersionedSourceOptions<K, V> {
  readonly store: StoreName
  readonly keySerde: Serde<K>
  /** Must give equal bytes for equal values: they decide between updates of the same moment. */
  readonly valueSerde: Serde<V>
  readonly emit: Emit
}

export class VersionedSourceProcessor<K, V> implements Processor<K, V | null, K, Change<V>> {
  readonly #options: VersionedSourceOptions<K, V>
  #context!: ProcessorContext<K, Change<V>>
  #rows!: VersionedStore<K, V>
  #emitter!: ChangeEmitter<K, V>

  constructor(options: VersionedSourceOptions<K, V>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch({ key }: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (key !== null && key !== undefined) prefetch.key(this.#options.store, key)
  }

  process(record: StreamRecord<K, V | null>): void {
    const { key, timestampMs } = record
    if (key === null || key === undefined) {
      this.#context.countDropped('null-key')
      return
    }
    const value = record.value ?? null
    const latest = this.#rows.get(key)
    const then = this.#rows.getAsOf(key, timestampMs)
    if (then?.validFromMs === timestampMs) {
      const row = { value: then.value, timestampMs }
      const order = compareUpdates(this.#options.valueSerde, { value, timestampMs }, row)
      if (order <= 0) {
        this.#context.countDropped(order === 0 ? 'duplicate' : 'late')
        return
      }
    }
    if (!this.#rows.put(key, value, timestampMs)) {
      this.#context.countDropped('late')
      return
    }
    if (latest !== undefined && latest.validFromMs > timestampMs) return
    const oldValue = latest?.value ?? null
    if (oldValue === null && value === null) return
    this.#emitter.emit({ ...record, value: { oldValue, newValue: value } })
  }

  flush(): void {
    this.#emitter.flush()
  }
}
