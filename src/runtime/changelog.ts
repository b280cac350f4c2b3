/**
 * Where the log does not share its storage with the state (Kafka), every state change of a commit is also a
 * record of the store's changelog topic, in the same transaction; the state is written once the outcome is
 * known, together with the changelog offset up to which it is complete. A task that starts replays what its
 * state lacks: after a crash a tail, on an empty disk all of it.
 */
import { present } from '../core/assert.ts'
import { topicName, topicPartitionId } from '../core/record.ts'
import type { Offset, Partition, StoreName, TopicName } from '../core/record.ts'
import type { StateBackend, StateChange } from '../core/state.ts'
import { storeName } from '../core/record.ts'
import type { AppendResult, Log, PartitionRecords } from '../log/log.ts'
import { PositionsStore, reservedPrefix } from './positions-store.ts'

const restoreBytesMax = 4 * 1024 * 1024

export function changelogTopic(topologyName: string, store: StoreName): TopicName {
  return topicName(`${topologyName}-${store}-changelog`)
}

export interface ChangelogOptions {
  readonly topologyName: string
  readonly subTopology: number
  readonly partition: Partition
  /** The reserved ones too. */
  readonly stores: readonly StoreName[]
  readonly log: Log
  readonly state: StateBackend
  readonly fetchWaitMaxMs: number
}

export class Changelog {
  readonly #options: ChangelogOptions
  readonly #positions: PositionsStore

  constructor(options: ChangelogOptions) {
    this.#options = options
    const name = storeName(`${reservedPrefix}changelog-positions-${options.subTopology}`)
    this.#positions = new PositionsStore(options.state, name, options.partition)
  }

  records(changes: readonly StateChange[], timestampMs: number): PartitionRecords[] {
    const { topologyName, partition } = this.#options
    const byStore = Map.groupBy(changes, ({ store }) => store)
    return [...byStore].map(([store, ofStore]) => ({
      topic: changelogTopic(topologyName, store),
      partition,
      records: ofStore.map(({ key, value }) => ({ key, value, timestampMs })),
    }))
  }

  /** Writes the state with the offsets that its changelog has reached. */
  async write(
    changes: readonly StateChange[],
    sent: readonly PartitionRecords[],
    results: readonly AppendResult[],
  ): Promise<void> {
    if (changes.length === 0) return
    const positions = sent.map(({ topic, records }, index) => {
      const { baseOffset } = present(results[index], `append result of ${topic}`)
      return this.#positions.change(topic, (baseOffset + records.length) as Offset)
    })
    await this.#options.state.write([...changes, ...positions])
  }

  /** Replays what the state lacks. */
  async restore(onProgress: () => void): Promise<void> {
    const { topologyName, stores } = this.#options
    const topics = stores.map((store) => changelogTopic(topologyName, store))
    const reached = await this.#positions.read(topics)
    for (const [index, store] of stores.entries()) {
      const topic = present(topics[index], 'a changelog topic')

      await this.#restoreStore(store, topic, reached[index] ?? null, onProgress)
    }
  }

  async #restoreStore(
    store: StoreName,
    topic: TopicName,
    reached: Offset | null,
    onProgress: () => void,
  ): Promise<void> {
    const { log, partition, state, fetchWaitMaxMs } = this.#options
    const [description] = await log.describeTopics([topic])
    const at = description?.partitions.find((candidate) => candidate.partition === partition)
    const { logStartOffset, lastStableOffset } = present(at, topicPartitionId({ topic, partition }))
    let offset = Math.max(reached ?? 0, logStartOffset) as Offset
    while (offset < lastStableOffset) {
      const [fetched] = await log.fetch({
        partitions: [{ topic, partition, offset }],
        bytesMax: restoreBytesMax,
        bytesPerPartitionMax: restoreBytesMax,
        waitMaxMs: fetchWaitMaxMs,
        isolation: 'read_committed',
      })
      const { records, nextOffset } = present(fetched, topicPartitionId({ topic, partition }))
      const changes: StateChange[] = records.map((record) => ({
        store,
        partition,
        key: present(record.key, 'the key of a changelog record'),
        value: record.value,
      }))
      changes.push(this.#positions.change(topic, nextOffset))

      await state.write(changes)
      offset = nextOffset
      onProgress()
    }
  }
}
