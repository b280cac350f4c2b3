/**
 * A fact topic that is its store's changelog (docs/decisions/0014-facts-as-changelogs.md). It is written from the
 * store: what a commit changes there is what it says, one record a key. Restoring turns its records into rows again.
 */
import { isDeepStrictEqual } from 'node:util'
import { present } from '../core/assert.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { partitionForKey } from '../core/partitioner.ts'
import type {
  ConsumerRecord,
  Partition,
  ProducerRecord,
  StoreName,
  TopicName,
} from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { PartitionRecords } from '../log/log.ts'
import { isTimestampedSerde } from '../processors/timestamped.ts'
import type { Timestamped } from '../processors/timestamped.ts'
import { dataKey, frameValue, unframeValue } from '../state/key-layout.ts'
import type { KeyValueStoreDefinition, StoreDefinition } from '../state/stores.ts'
import type { SubTopology } from '../topology/graph.ts'
import type { Clock } from '../core/clock.ts'
import type { Codecs } from './codecs.ts'

export interface FactChangelog {
  readonly topic: TopicDefinition<any, any>
  readonly definition: KeyValueStoreDefinition
}

/** Null where the store has another changelog. */
export function factChangelogOf(definition: StoreDefinition): FactChangelog | null {
  if (definition.kind !== 'key-value' || definition.factTopic === undefined) return null
  return { topic: definition.factTopic, definition }
}

export interface FactChangelogsOptions {
  readonly id: string
  readonly subTopology: SubTopology
  readonly codecs: Codecs
  readonly clock: Clock
  readonly partition: Partition
  readonly partitionCountOf: (topic: TopicName) => number
}

/** Those of one task, which writes them. */
export class FactChangelogs {
  /** Since the last `take`. */
  recordCount = 0
  readonly #options: FactChangelogsOptions
  readonly #byStore: ReadonlyMap<StoreName, FactChangelog>
  /** Stores whose rows have been seen to come back from the topic as they are. */
  readonly #proven = new Set<StoreName>()

  constructor(options: FactChangelogsOptions) {
    this.#options = options
    const facts = options.subTopology.stores.flatMap((each) => factChangelogOf(each) ?? [])
    this.#byStore = new Map(facts.map((each) => [each.definition.name, each]))
  }

  has(store: StoreName): boolean {
    return this.#byStore.has(store)
  }

  /**
   * The records of a commit.
   * @param changes of all stores of the task
   * @param streamTimeMs the time of deletes, whose rows have none any more
   * @throws TidemarkError PROCESSING_FAILED where a row does not fit its topic, or a key does not belong to the task
   */
  take(changes: readonly StateChange[], streamTimeMs: number): PartitionRecords[] {
    this.recordCount = 0
    if (this.#byStore.size === 0) return []
    const { clock, partition } = this.#options
    const deletedMs = Number.isFinite(streamTimeMs) ? streamTimeMs : clock.nowMs()
    const ofFacts = changes.filter(({ store }) => this.#byStore.has(store))
    return [...Map.groupBy(ofFacts, ({ store }) => store)].map(([store, ofStore]) => {
      const facts = present(this.#byStore.get(store), `fact topic of store ${store}`)
      const records = ofStore.map((change) => this.#recordOf(facts, change, deletedMs))
      if (ofStore.some(({ value }) => value !== null)) this.#proven.add(store)
      this.recordCount += records.length
      return { topic: facts.topic.name, partition, records }
    })
  }

  #recordOf(facts: FactChangelog, change: StateChange, deletedMs: number): ProducerRecord {
    const key = change.key.subarray(1)
    try {
      this.#checkPartition(facts, key)
      if (change.value === null) return { key, value: null, timestampMs: deletedMs }
      const bytes = unframeValue(change.value, change.store)
      return this.#encoded(facts, key, bytes, deletedMs)
    } catch (cause) {
      const { name } = facts.topic
      throw new TidemarkError(
        'PROCESSING_FAILED',
        `task ${this.#options.id}: a row of store ${change.store} cannot be written to topic ${name}, which is its ` +
          `changelog: ${messageOf(cause)}; its key is ${key.toString('hex')} (hex)`,
        { cause, details: { taskId: this.#options.id, store: change.store, topic: name } },
      )
    }
  }

  #encoded(facts: FactChangelog, key: Buffer, bytes: Buffer, elseMs: number): ProducerRecord {
    const { topic, definition } = facts
    const codec = this.#options.codecs.of(topic)
    const stored: unknown = definition.valueSerde.deserialize(bytes)
    const row = isTimestampedSerde(definition.valueSerde) ? (stored as Timestamped<unknown>) : null
    const value = row === null ? stored : row.value
    const timestampMs = row === null ? (topic.eventTimeMsOf?.(value) ?? elseMs) : row.timestampMs
    const encoded = codec.encode(value)
    if (!this.#proven.has(definition.name)) {
      const again = rowBytes(definition, codec.decode(encoded), timestampMs)
      if (!isDeepStrictEqual(definition.valueSerde.deserialize(again), stored)) {
        throw new TypeError(
          'it comes back as another one, so state could not be restored; have the schema hold all that the row has',
        )
      }
    }
    return { key, value: encoded, timestampMs }
  }

  /** Restoring looks for a key where its task is, everybody else where the key belongs. */
  #checkPartition({ topic }: FactChangelog, key: Buffer): void {
    const { partition, partitionCountOf } = this.#options
    const belongsTo = partitionForKey(key, partitionCountOf(topic.name))
    if (belongsTo === partition) return
    throw new RangeError(
      `its key belongs to partition ${belongsTo} and the task has ${partition}: repartition the input by the keys of ` +
        'the store',
    )
  }
}

/** @throws TidemarkError RESTORE_FAILED where a record is no row of the store */
export async function changesOfFacts(
  { topic, definition }: FactChangelog,
  records: readonly ConsumerRecord[],
  to: { readonly codecs: Codecs; readonly store: StoreName; readonly partition: Partition },
): Promise<StateChange[]> {
  const { codecs, store, partition } = to
  const codec = codecs.of(topic)
  await codec.prepare(records.map(({ value }) => value))
  return records.map(({ key, value, timestampMs, offset }) => {
    try {
      const bytes = value === null ? null : rowBytes(definition, codec.decode(value), timestampMs)
      return {
        store,
        partition,
        key: dataKey(present(key, 'its key').toString('latin1')),
        value: bytes === null ? null : frameValue(bytes),
      }
    } catch (cause) {
      throw new TidemarkError(
        'RESTORE_FAILED',
        `store ${store} cannot be restored from ${topic.name}-${partition}: the record at offset ${offset} is no row ` +
          `of it (${messageOf(cause)}); only this store may write to the topic`,
        { cause, details: { store, topic: topic.name, partition, offset } },
      )
    }
  })
}

function rowBytes(
  { valueSerde }: KeyValueStoreDefinition,
  value: unknown,
  timestampMs: number,
): Buffer {
  return valueSerde.serialize(isTimestampedSerde(valueSerde) ? { value, timestampMs } : value)
}
