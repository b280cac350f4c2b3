/** The right side of a foreign-key join: keeps the subscriptions and answers them, now and on each change. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import type { Change } from './change.ts'
import { subscriptionPrefix } from './foreign-key.ts'
import type { Subscription, SubscriptionKey, SubscriptionResponse } from './foreign-key.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { TableReader, TableView } from './table-view.ts'
import type { Timestamped } from './timestamped.ts'

/** Bounds the memory of one step of a scan; a row with more subscribers takes several steps. */
const pageEntriesMax = 1000

export interface ForeignKeySubscriptionsOptions<KForeign, VForeign> {
  /** The parent that brings subscriptions; every other one brings the right table's changes. */
  readonly subscriptionParent: string
  readonly store: StoreName
  readonly right: TableView<KForeign, VForeign>
  readonly foreignKeySerde: Serde<KForeign>
}

type Incoming<K, VForeign> = Subscription<K> | Change<VForeign>

export class ForeignKeySubscriptionsProcessor<K, KForeign, VForeign> implements Processor<
  KForeign,
  Incoming<K, VForeign>,
  K,
  SubscriptionResponse<VForeign>
> {
  readonly #options: ForeignKeySubscriptionsOptions<KForeign, VForeign>
  #context!: ProcessorContext<K, SubscriptionResponse<VForeign>>
  #subscriptions!: KeyValueStore<SubscriptionKey<KForeign, K>, Timestamped<Buffer>>
  #rows!: TableReader<KForeign, VForeign>

  constructor(options: ForeignKeySubscriptionsOptions<KForeign, VForeign>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, SubscriptionResponse<VForeign>>): void {
    this.#context = context
    this.#subscriptions = context.store(this.#options.store)
    this.#rows = this.#options.right.open(context)
  }

  prefetch(
    record: StreamRecord<KForeign, Incoming<K, VForeign>>,
    parent: string,
    prefetch: Prefetch,
  ): void {
    if (parent === this.#options.subscriptionParent) {
      this.#options.right.prefetch(record.key, prefetch)
    }
  }

  process(
    record: StreamRecord<KForeign, Incoming<K, VForeign>>,
    parent: string,
  ): void | Promise<void> {
    if (parent === this.#options.subscriptionParent) {
      this.#subscribe(record as StreamRecord<KForeign, Subscription<K>>)
      return
    }
    return this.#answerAll(record as StreamRecord<KForeign, Change<VForeign>>)
  }

  #subscribe(record: StreamRecord<KForeign, Subscription<K>>): void {
    const { key: foreignKey, headers, timestampMs } = record
    const { leftKey, fingerprint } = record.value
    if (fingerprint === null) {
      this.#subscriptions.delete({ foreignKey, leftKey })
      return
    }
    this.#subscriptions.put({ foreignKey, leftKey }, { value: fingerprint, timestampMs })
    const row = this.#rows.get(foreignKey)
    this.#context.forward({
      key: leftKey,
      value: { fingerprint, rightValue: row?.value ?? null },
      timestampMs: Math.max(timestampMs, row?.timestampMs ?? -Infinity),
      headers,
    })
  }

  async #answerAll(record: StreamRecord<KForeign, Change<VForeign>>): Promise<void> {
    const { key: foreignKey, value: change, headers } = record
    const prefix = subscriptionPrefix(this.#options.foreignKeySerde, foreignKey)
    let last: SubscriptionKey<KForeign, K> | null = null
    for (;;) {
      // `from` is inclusive: a later page begins with the entry that the one before ended with.
      const from: { from?: SubscriptionKey<KForeign, K> } = last === null ? {} : { from: last }
      const page = await this.#subscriptions.range({ prefix, ...from, entriesMax: pageEntriesMax })
      for (const { key, value } of last === null ? page : page.slice(1)) {
        last = key
        if (value.value === null) continue
        this.#context.forward({
          key: key.leftKey,
          value: { fingerprint: value.value, rightValue: change.newValue },
          timestampMs: Math.max(record.timestampMs, value.timestampMs),
          headers,
        })
      }
      if (page.length < pageEntriesMax) return
    }
  }
}
