/**
 * What a task refuses between two commits (law 4).
 *
 *  1. A record has one entry, however many checks it fails: the gravest level and every reason.
 *  2. A broadcast record is read by every task, and kept and counted by one of them.
 *  3. Entries and counts belong to the commit: a task that is given up takes them along.
 */
import type { Clock } from '../core/clock.ts'
import type { ValueCodec } from '../core/serde.ts'
import type {
  ConsumerRecord,
  Partition,
  ProducerRecord,
  TopicName,
  TopicPartition,
} from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { QuarantineReason } from '../processors/processor.ts'
import {
  joinFailures,
  quarantineEntry,
  quarantineTopic,
  type CheckFailure,
  type QuarantineEntry,
  type QuarantineLevel,
} from '../quality/quarantine.ts'
import type { TaskGraph } from './task-graph.ts'

interface Refused {
  readonly at: TopicPartition
  readonly raw: ConsumerRecord
  readonly failures: [CheckFailure<QuarantineLevel>, ...CheckFailure<QuarantineLevel>[]]
}

export interface TaskQuarantineOptions {
  readonly graph: TaskGraph
  readonly partition: Partition
  readonly partitionCountOf: (topic: TopicName) => number
  readonly clock: Clock
}

export class TaskQuarantine {
  readonly #options: TaskQuarantineOptions
  readonly #refused = new Map<string, Refused>()
  #bytes = 0
  #warnings = 0

  constructor(options: TaskQuarantineOptions) {
    this.#options = options
  }

  /** Records that are kept. */
  get count(): number {
    return this.#refused.size
  }

  /** Of the records that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Checks of level Warning that failed: their records went on. */
  get warnings(): number {
    return this.#warnings
  }

  add(at: TopicPartition, raw: ConsumerRecord, why: QuarantineReason): void {
    if (!this.#isOwn(at)) return
    const { check, level, reason } = why
    if (level === 'Warning') {
      this.#warnings += 1
      return
    }
    const place = `${topicPartitionId(at)}-${raw.offset}`
    const known = this.#refused.get(place)
    if (known === undefined) {
      this.#refused.set(place, { at, raw, failures: [{ check, level, reason }] })
      this.#bytes += (raw.key?.length ?? 0) + (raw.value?.length ?? 0)
    } else known.failures.push({ check, level, reason })
  }

  records(codec: ValueCodec<QuarantineEntry>): readonly ProducerRecord[] {
    return [...this.#refused.values()].map(({ at, raw, failures }) => {
      const { check, level, reason } = joinFailures(failures)
      const entry = quarantineEntry({
        topic: at.topic,
        position: { partition: at.partition, offset: raw.offset },
        check,
        level,
        reason,
        source: 'runtime',
        format: this.#isInternal(at.topic) ? 'bytes' : 'avro',
        key: raw.key,
        value: raw.value,
        headers: raw.headers,
        timestampMs: raw.timestampMs,
        nowMs: this.#options.clock.nowMs(),
      })
      return {
        key: quarantineTopic.keySerde.serialize([entry.id]),
        value: codec.encode(entry),
        timestampMs: entry.event_time,
      }
    })
  }

  clear(): void {
    this.#refused.clear()
    this.#bytes = 0
    this.#warnings = 0
  }

  /** Invariant 2. */
  #isOwn({ topic, partition: read }: TopicPartition): boolean {
    const { graph, partition, partitionCountOf } = this.#options
    if (!graph.broadcastTopics.some(({ name }) => name === topic)) return true
    const [partitioned] = graph.partitionedTopics
    const taskCount = partitioned === undefined ? 1 : partitionCountOf(partitioned.name)
    return read % taskCount === partition
  }

  #isInternal(topic: TopicName): boolean {
    const [source] = this.#options.graph.sourcesByTopic.get(topic) ?? []
    return source?.graphNode.kind === 'repartition-source'
  }
}
