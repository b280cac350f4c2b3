/**
 * Keeps a value per group of a table's rows: a row's old value is subtracted, its new one added. The result is
 * the same for every order of the updates where adder and subtractor commute and undo each other.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'

export interface TableAggregateOptions<K, V, A> {
  readonly store: StoreName
  readonly keySerde: Serde<K>
  /** `aggregate` is null for the first row of a group. Null deletes the group. */
  readonly add: (key: K, value: V, aggregate: A | null) => A | null
  /** Called only where the group has an aggregate. Null deletes the group. */
  readonly subtract: (key: K, value: V, aggregate: A) => A | null
  readonly emit: Emit
}

export class TableAggregateProcessor<K, V, A> implements Processor<K, Change<V>, K, Change<A>> {
  readonly #options: TableAggregateOptions<K, V, A>
  #rows!: KeyValueStore<K, Timestamped<A>>
  #emitter!: ChangeEmitter<K, A>

  constructor(options: TableAggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    this.#rows = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch(record: StreamRecord<K, Change<V>>, _parent: string, prefetch: Prefetch): void {
    prefetch.key(this.#options.store, record.key)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, value: change } = record
    const { add, subtract } = this.#options
    const row = this.#rows.get(key)
    const oldValue: A | null = row?.value ?? null
    let newValue: A | null = oldValue
    if (change.oldValue !== null && newValue !== null) {
      newValue = subtract(key, change.oldValue, newValue)
    }
    if (change.newValue !== null) newValue = add(key, change.newValue, newValue)
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
