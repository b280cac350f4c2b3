/** The left side's first half of a foreign-key join: says to the right side which rows point where. */
import type { Serde } from '../core/serde.ts'
import { attempted, quietly } from './attempted.ts'
import type { Change } from './change.ts'
import { fingerprint } from './foreign-key.ts'
import type { Subscription } from './foreign-key.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { TableReader, TableView } from './table-view.ts'

export interface ForeignKeySubscribeOptions<K, V, KForeign> {
  readonly left: TableView<K, V>
  readonly foreignKeyOf: (value: V, key: K) => KForeign | null
  readonly foreignKeySerde: Serde<KForeign>
}

export class ForeignKeySubscribeProcessor<K, V, KForeign> implements Processor<
  K,
  Change<V>,
  KForeign,
  Subscription<K>
> {
  readonly #options: ForeignKeySubscribeOptions<K, V, KForeign>
  #context!: ProcessorContext<KForeign, Subscription<K>>
  #rows!: TableReader<K, V>

  constructor(options: ForeignKeySubscribeOptions<K, V, KForeign>) {
    this.#options = options
  }

  init(context: ProcessorContext<KForeign, Subscription<K>>): void {
    this.#context = context
    this.#rows = this.#options.left.open(context)
  }

  prefetch(record: StreamRecord<K, Change<V>>, _parent: string, prefetch: Prefetch): void {
    this.#options.left.prefetch(record.key, prefetch)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key } = record
    const { oldValue, newValue } = record.value
    const { foreignKeyOf, foreignKeySerde, left } = this.#options
    const foreignKeyBefore =
      this.#context.onError === 'fail' ? foreignKeyOf : quietly<V, K, KForeign>(foreignKeyOf)
    const before = oldValue === null ? null : (foreignKeyBefore(oldValue, key) ?? null)
    const after =
      newValue === null
        ? null
        : (attempted(this.#context, record, () => foreignKeyOf(newValue, key)) ?? null)
    if (before !== null && (after === null || !isSame(foreignKeySerde, before, after))) {
      this.#forward(record, before, null)
    }
    if (after === null) return
    const row = this.#rows.stored(key)
    // Absent where the store has moved on to a delete; the change that says so is on its way.
    if (row === undefined) return
    this.#forward(record, after, fingerprint(left.storedSerde.serialize(row)))
  }

  #forward(record: StreamRecord<K, Change<V>>, foreignKey: KForeign, mark: Buffer | null): void {
    const { key, timestampMs, headers } = record
    const value = { leftKey: key, fingerprint: mark }
    this.#context.forward({ key: foreignKey, value, timestampMs, headers })
  }
}

function isSame<K>(serde: Serde<K>, one: K, other: K): boolean {
  return one === other || serde.serialize(one).equals(serde.serialize(other))
}
