/**
 * The nodes of a foreign-key join. Left partition: NAME-subscribe → topic TOPOLOGY-NAME-subscription; right
 * partition: NAME-subscriptions → topic TOPOLOGY-NAME-response; left partition again: NAME, with the result.
 */
import { bytesSerde } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import { ForeignKeyResultProcessor } from '../processors/foreign-key-result.ts'
import { ForeignKeySubscribeProcessor } from '../processors/foreign-key-subscribe.ts'
import { ForeignKeySubscriptionsProcessor } from '../processors/foreign-key-subscriptions.ts'
import {
  subscriptionKeySerde,
  subscriptionResponseSerde,
  subscriptionSerde,
} from '../processors/foreign-key.ts'
import type { SubscriptionKey } from '../processors/foreign-key.ts'
import { keyValueView } from '../processors/table-view.ts'
import { timestampedSerde } from '../processors/timestamped.ts'
import type { Draft } from './draft.ts'
import { keyValueStore } from './stores.ts'
import type { MaterializedAs, TablePosition } from './streams.ts'
import { refuseTimesToLive } from './time-to-live.ts'

export interface ForeignKeyJoin<K, V, KOther, VOther, R> {
  readonly left: TablePosition<K, V>
  readonly right: TablePosition<KOther, VOther>
  readonly foreignKeyOf: (value: V, key: K) => KOther | null
  readonly joiner: (value: V, otherValue: VOther | null, key: K) => R
  readonly isLeft: boolean
}

export function addForeignKeyJoin<K, V, KOther, VOther, R>(
  draft: Draft,
  name: string,
  join: ForeignKeyJoin<K, V, KOther, VOther, R>,
  materialized: MaterializedAs<K, R>,
): TablePosition<K, R> {
  const { left, right, foreignKeyOf, joiner, isLeft } = join
  refuseTimesToLive(draft, name, [left, right], materialized)
  const kept = draft.tableStore<K, R>(name, { ...left, valueSerde: null }, materialized)
  const { keySerde } = kept
  const foreignKeySerde = draft.serde(right.keySerde, name, 'a keySerde of the other table')
  const rightSerde = draft.serde(right.valueSerde, name, 'a valueSerde of the other table')

  const subscribe = draft.processor(
    `${name}-subscribe`,
    [left.node],
    () => new ForeignKeySubscribeProcessor({ left: left.view, foreignKeyOf, foreignKeySerde }),
    left.view.stores,
    draft.policies.of(name),
  )
  const subscription = draft.internalTopic(`${name}-subscription`, subscribe, {
    keySerde: foreignKeySerde,
    valueSerde: subscriptionSerde(keySerde),
  })
  const pairSerde = subscriptionKeySerde(foreignKeySerde, keySerde)
  const subscriptionsStore = draft.store(subscriptionsOf(materialized.store, pairSerde))
  const subscriptions = draft.processor(
    `${name}-subscriptions`,
    [subscription, right.node],
    () =>
      new ForeignKeySubscriptionsProcessor<K, KOther, VOther>({
        subscriptionParent: subscription,
        store: subscriptionsStore,
        right: right.view,
        foreignKeySerde,
      }),
    [subscriptionsStore, ...right.view.stores],
    draft.policies.of(name),
  )
  const response = draft.internalTopic(`${name}-response`, subscriptions, {
    keySerde,
    valueSerde: subscriptionResponseSerde(rightSerde),
  })
  const node = draft.processor(
    name,
    [response, left.node],
    () =>
      new ForeignKeyResultProcessor<K, V, KOther, VOther, R>({
        ...kept,
        responseParent: response,
        left: left.view,
        foreignKeyOf,
        joiner,
        isLeft,
      }),
    [...left.view.stores, kept.store],
  )
  const view = keyValueView<K, R>(kept.store, kept.storedSerde)
  return { node, keySerde, valueSerde: kept.valueSerde, view }
}

function subscriptionsOf<KOther, K>(store: string, keySerde: Serde<SubscriptionKey<KOther, K>>) {
  return keyValueStore(`${store}-subscriptions`, keySerde, timestampedSerde(bytesSerde))
}
