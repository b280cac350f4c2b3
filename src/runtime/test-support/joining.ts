/**
 * Orders and the users who made them, joined twice: by foreign key over repartition topics, with a count of the
 * results after it, and against users that every task reads whole. Both give the same rows whatever came first.
 */
import { topicName } from '../../core/record.ts'
import { stringSerde } from '../../core/serde.ts'
import type { Serde } from '../../core/serde.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../../processors/processor.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import { defineTopology } from '../../topology/define.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import { keyValueStore } from '../../topology/stores.ts'
import { schemaOf } from './json-codec.ts'

export interface Order {
  readonly id: string
  readonly user: string
  readonly item: string
  readonly atMs: number
}

export interface User {
  readonly id: string
  readonly name: string
  readonly atMs: number
}

function jsonSerde<V>(): Serde<V> {
  return {
    serialize: (value) => Buffer.from(JSON.stringify(value)),
    deserialize: (bytes) => JSON.parse(bytes.toString()) as V,
  }
}

function topic<V>(
  name: string,
  of: Partial<TopicDefinition<string, V>> = {},
): TopicDefinition<string, V> {
  return {
    name: topicName(name),
    keySerde: stringSerde,
    schema: schemaOf(name),
    cleanupPolicy: 'compact',
    retentionMs: null,
    ...of,
  }
}

export const orders = topic<Order>('orders', {
  keyOf: ({ id }) => id,
  eventTimeMsOf: ({ atMs }) => atMs,
})
export const users = topic<User>('users', {
  keyOf: ({ id }) => id,
  eventTimeMsOf: ({ atMs }) => atMs,
})
export const outputs = ['joined', 'by-result', 'enriched'] as const

interface Enriched {
  readonly item: string
  readonly user: string
  readonly name: string | null
  readonly atMs: number
}

class EnrichProcessor implements Processor<string, any, string, string> {
  #context!: ProcessorContext<string, string>
  #orders!: KeyValueStore<string, Enriched>
  #users!: KeyValueStore<string, User>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#orders = context.store('enriched-orders')
    this.#users = context.store('known-users')
  }

  async process(record: StreamRecord<string, Order | User>): Promise<void> {
    const { key, value } = record
    if ('item' in value) await this.#order(record, key, value)
    else await this.#user(record, key, value)
  }

  async #order(record: StreamRecord<string>, key: string, order: Order): Promise<void> {
    await this.#orders.load([key])
    await this.#users.load([order.user])
    if ((this.#orders.get(key)?.atMs ?? -Infinity) >= order.atMs) return
    const name = this.#users.get(order.user)?.name ?? null
    this.#put(record, key, { item: order.item, user: order.user, name, atMs: order.atMs })
  }

  async #user(record: StreamRecord<string>, key: string, user: User): Promise<void> {
    await this.#users.load([key])
    if ((this.#users.get(key)?.atMs ?? -Infinity) >= user.atMs) return
    this.#users.put(key, user)
    for (const { key: id, value } of await this.#orders.range({ entriesMax: 10_000 })) {
      if (value.user === key) this.#put(record, id, { ...value, name: user.name })
    }
  }

  #put(record: StreamRecord<string>, key: string, value: Enriched): void {
    this.#orders.put(key, value)
    this.#context.forward({ ...record, key, value: `${value.item}:${value.name}` })
  }
}

export const joining = defineTopology('joining', (builder) => {
  const left = builder.table('orders', orders, { store: 'orders', valueSerde: jsonSerde<Order>() })
  const right = builder.table('users', users, { store: 'users', valueSerde: jsonSerde<User>() })
  const joined = left.foreignKeyLeftJoin(
    'joined',
    right,
    ({ user }) => user,
    ({ item }, user) => `${item}:${user?.name ?? null}`,
    { store: 'joined', valueSerde: stringSerde },
  )
  joined.toStream('joined-changed').to('joined-out', topic<string>('joined'))
  joined
    .groupBy('by-result', (_key, value) => [value, 1], {
      keySerde: stringSerde,
      valueSerde: jsonSerde<number>(),
    })
    .count('count', { store: 'counts' })
    .toStream('count-changed')
    .to('by-result-out', topic<number>('by-result'))
})

export interface EnrichingTopics {
  readonly orders: TopicDefinition<string, Order>
  readonly users: TopicDefinition<string, User>
  readonly enriched: TopicDefinition<string, string>
}

export function enrichingOf(name: string, topics: EnrichingTopics): TopologyGraph {
  return defineTopology(name, (builder) => {
    builder
      .process<string, string>('enrich', {
        inputs: [
          builder.stream('all-orders', topics.orders),
          builder.broadcast('all-users', topics.users),
        ],
        stores: [
          keyValueStore('enriched-orders', stringSerde, jsonSerde<Enriched>()),
          keyValueStore('known-users', stringSerde, jsonSerde<User>()),
        ],
        supplier: () => new EnrichProcessor(),
      })
      .to('enriched-out', topics.enriched)
  })
}

export const enriched = topic<string>('enriched')
export const enriching = enrichingOf('enriching', { orders, users, enriched })
