/** The left side's second half of a foreign-key join: keeps the result, from answers that still fit the row. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { attempted } from './attempted.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import { fingerprint } from './foreign-key.ts'
import type { SubscriptionResponse } from './foreign-key.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { TableReader, TableView } from './table-view.ts'
import type { Timestamped } from './timestamped.ts'

export interface ForeignKeyResultOptions<K, V, KForeign, VForeign, R> {
  /** The parent that brings answers; every other one brings the left table's changes. */
  readonly responseParent: string
  readonly store: StoreName
  readonly keySerde: Serde<K>
  readonly left: TableView<K, V>
  readonly foreignKeyOf: (value: V, key: K) => KForeign | null
  readonly joiner: (value: V, rightValue: VForeign | null, key: K) => R
  /** True: rows without a partner are joined with null. False: they are left out. */
  readonly isLeft: boolean
  readonly emit: Emit
}

type Incoming<V, VForeign> = Change<V> | SubscriptionResponse<VForeign>

export class ForeignKeyResultProcessor<K, V, KForeign, VForeign, R> implements Processor<
  K,
  Incoming<V, VForeign>,
  K,
  Change<R>
> {
  readonly #options: ForeignKeyResultOptions<K, V, KForeign, VForeign, R>
  #context!: ProcessorContext<K, Change<R>>
  #rows!: TableReader<K, V>
  #results!: KeyValueStore<K, Timestamped<R>>
  #emitter!: ChangeEmitter<K, R>

  constructor(options: ForeignKeyResultOptions<K, V, KForeign, VForeign, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<R>>): void {
    this.#context = context
    this.#rows = this.#options.left.open(context)
    this.#results = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch(record: StreamRecord<K, Incoming<V, VForeign>>, _parent: string, prefetch: Prefetch) {
    this.#options.left.prefetch(record.key, prefetch)
    prefetch.key(this.#options.store, record.key)
  }

  process(record: StreamRecord<K, Incoming<V, VForeign>>, parent: string): void {
    if (parent === this.#options.responseParent) {
      this.#answered(record as StreamRecord<K, SubscriptionResponse<VForeign>>)
    } else {
      this.#changed(record as StreamRecord<K, Change<V>>)
    }
  }

  flush(): void {
    this.#emitter.flush()
  }

  #answered(record: StreamRecord<K, SubscriptionResponse<VForeign>>): void {
    const { key, value: answer } = record
    const { left, joiner, isLeft } = this.#options
    const stored = this.#rows.stored(key)
    const row = this.#rows.get(key)
    if (stored === undefined || row === undefined || row.value === null) return
    if (!fingerprint(left.storedSerde.serialize(stored)).equals(answer.fingerprint)) return
    const isJoined = answer.rightValue !== null || isLeft
    const { value } = row
    this.#apply(
      record,
      isJoined
        ? attempted(this.#context, record, () => joiner(value, answer.rightValue, key))
        : null,
    )
  }

  /** A row that is gone or points nowhere gets no answer; what it points to otherwise is on its way. */
  #changed(record: StreamRecord<K, Change<V>>): void {
    const { key } = record
    const { newValue } = record.value
    const { foreignKeyOf, joiner, isLeft } = this.#options
    if (newValue === null) {
      this.#apply(record, null)
    } else if (this.#isRefused(newValue, key)) {
      this.#apply(record, null)
    } else if ((foreignKeyOf(newValue, key) ?? null) === null) {
      this.#apply(
        record,
        isLeft ? attempted(this.#context, record, () => joiner(newValue, null, key)) : null,
      )
    }
  }

  /** True for a row that the first half has left out, because nothing can say where it points. */
  #isRefused(value: V, key: K): boolean {
    if (this.#context.onError === 'fail') return false
    try {
      this.#options.foreignKeyOf(value, key)
      return false
    } catch {
      return true
    }
  }

  #apply(record: StreamRecord<K>, newValue: R | null): void {
    const { key, timestampMs, headers } = record
    const oldValue = this.#results.get(key)?.value ?? null
    if (newValue === null) this.#results.delete(key)
    else this.#results.put(key, { value: newValue, timestampMs })
    if (oldValue === null && newValue === null) return
    this.#emitter.emit({ key, value: { oldValue, newValue }, timestampMs, headers })
  }
}
