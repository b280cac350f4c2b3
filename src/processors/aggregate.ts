/** Folds the records of each key into one value: a grouped stream's count, reduce and aggregate. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'

/** The aggregate with the value in it; `aggregate` is null for the first value of a key or window, null as the result
 * deletes it. `parent` says which of several inputs the value comes from. */
export type Add<K, V, A> = (key: K, value: V, aggregate: A | null, parent: string) => A | null

export interface AggregateOptions<K, V, A> {
  readonly store: StoreName
  readonly keySerde: Serde<K>
  readonly add: Add<K, V, A>
  readonly emit: Emit
}

export class AggregateProcessor<K, V, A> implements Processor<K, V | null, K, Change<A>> {
  readonly #options: AggregateOptions<K, V, A>
  #context!: ProcessorContext<K, Change<A>>
  #rows!: KeyValueStore<K, Timestamped<A>>
  #emitter!: ChangeEmitter<K, A>

  constructor(options: AggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (isFoldable(record)) prefetch.key(this.#options.store, record.key)
  }

  process(record: StreamRecord<K, V | null>, parent: string): void {
    if (!isFoldable(record)) {
      this.#context.countDropped(dropReason(record))
      return
    }
    const { key, value } = record
    const row = this.#rows.get(key)
    const oldValue = row?.value ?? null
    const newValue = this.#options.add(key, value, oldValue, parent)
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? -Infinity)
    if (newValue === null) this.#rows.delete(key)
    else this.#rows.put(key, { value: newValue, timestampMs })
    if (oldValue === null && newValue === null) return
    this.#emitter.emit({ ...record, value: { oldValue, newValue }, timestampMs })
  }

  flush(): void {
    this.#emitter.flush()
  }
}

/** A record without a key belongs to no group; one without a value has nothing to fold in. */
export function isFoldable<K, V>(
  record: StreamRecord<K, V | null>,
): record is StreamRecord<K, V & {}> {
  return (
    record.key !== null &&
    record.key !== undefined &&
    record.value !== null &&
    record.value !== undefined
  )
}

export function dropReason(record: StreamRecord): 'null-key' | 'null-value' {
  return record.key === null || record.key === undefined ? 'null-key' : 'null-value'
}
