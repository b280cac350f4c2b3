/** The topics of a stored log, by name, with the numbers that stand for them in keys. */
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { Partition, TopicName, TopicPartition } from '../core/record.ts'
import type { TopicDescription, TopicSpec } from './log.ts'
import type { StorageOperation } from './ordered-storage.ts'
import { PartitionLog } from './partition-log.ts'
import type { TopicEntry } from './partition-log.ts'
import { metaKey, metaValue } from './storage-keys.ts'

/** As it is in the `meta` family; JSON, without the name, which is in the key. */
export interface PersistedTopic {
  readonly number: number
  readonly partitionCount: number
  readonly cleanupPolicy: 'delete' | 'compact'
  readonly retentionMs: number | null
}

export class TopicCatalog {
  readonly #topics = new Map<TopicName, TopicEntry>()
  #nextNumber = 1

  all(): Iterable<TopicEntry> {
    return this.#topics.values()
  }

  *allPartitions(): Iterable<PartitionLog> {
    for (const topic of this.#topics.values()) yield* topic.partitions
  }

  topic(name: TopicName): TopicEntry {
    const entry = this.#topics.get(name)
    if (entry === undefined) {
      throw new TidemarkError('TOPIC_UNKNOWN', `there is no topic ${name}`, {
        details: { topic: name },
      })
    }
    return entry
  }

  partition(at: TopicPartition): PartitionLog {
    const entry = this.topic(at.topic)
    const found = entry.partitions[at.partition]
    if (found === undefined) {
      throw new TidemarkError(
        'PARTITION_UNKNOWN',
        `${topicPartitionId(at)} does not exist: the topic has ${entry.partitions.length} partitions`,
        { details: { topic: at.topic, partition: at.partition } },
      )
    }
    return found
  }

  describe(names?: readonly TopicName[]): TopicDescription[] {
    const entries =
      names === undefined ? [...this.#topics.values()] : names.map((name) => this.topic(name))
    return entries.map(({ spec, partitions }) => ({
      ...spec,
      partitions: partitions.map((partition) => partition.describe()),
    }))
  }

  /** The topics that must be written for these specs to hold; a changed policy or retention counts.
   * @throws TidemarkError TOPIC_MISMATCH */
  missing(specs: readonly TopicSpec[]): [spec: TopicSpec, persisted: PersistedTopic][] {
    const wanted = new Map<TopicName, [TopicSpec, PersistedTopic]>()
    let nextNumber = this.#nextNumber
    for (const spec of specs) {
      checkSpec(spec)
      const existing = this.#topics.get(spec.name)
      const partitionCount =
        existing?.spec.partitionCount ?? wanted.get(spec.name)?.[0].partitionCount
      if (partitionCount !== undefined && partitionCount !== spec.partitionCount) {
        throw mismatch(spec, partitionCount)
      }
      if (existing !== undefined && sameSpec(existing.spec, spec)) continue
      const number = existing?.number ?? wanted.get(spec.name)?.[1].number ?? nextNumber++
      // Parts of this log are cleared away record by record: how large they are is not kept.
      const { name, partitionCount: count, cleanupPolicy, retentionMs } = spec
      const kept = { partitionCount: count, cleanupPolicy, retentionMs }
      wanted.set(name, [
        { name, ...kept },
        { number, ...kept },
      ])
    }
    return [...wanted.values()]
  }

  /** Takes a topic in as it is stored; an entry that is there already keeps its identity. */
  adopt(spec: TopicSpec, persisted: PersistedTopic): TopicEntry {
    this.#nextNumber = Math.max(this.#nextNumber, persisted.number + 1)
    const existing = this.#topics.get(spec.name)
    if (existing !== undefined) {
      existing.spec = spec
      return existing
    }
    const partitions: PartitionLog[] = []
    const entry: TopicEntry = { spec, number: persisted.number, partitions }
    for (let index = 0; index < spec.partitionCount; index++) {
      partitions.push(new PartitionLog(entry, index as Partition))
    }
    this.#topics.set(spec.name, entry)
    return entry
  }
}

export function putTopic(name: TopicName, persisted: PersistedTopic): StorageOperation {
  const value = metaValue(persisted)
  return { kind: 'put', family: 'meta', key: metaKey('topic', name), value }
}

function sameSpec(left: TopicSpec, right: TopicSpec): boolean {
  return left.cleanupPolicy === right.cleanupPolicy && left.retentionMs === right.retentionMs
}

function checkSpec(spec: TopicSpec): void {
  if (Number.isInteger(spec.partitionCount) && spec.partitionCount > 0) return
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    `topic ${spec.name}: ${spec.partitionCount} partitions; use a whole number from 1 on`,
  )
}

function mismatch(spec: TopicSpec, partitionCount: number): TidemarkError {
  return new TidemarkError(
    'TOPIC_MISMATCH',
    `topic ${spec.name} has ${partitionCount} partitions, ${spec.partitionCount} are asked for; ` +
      'the number cannot change, because keys are bound to partitions',
    { details: { topic: spec.name, partitionCount, wanted: spec.partitionCount } },
  )
}
