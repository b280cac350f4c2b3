/**
 * What a task refuses between two commits (law 4).
 *
 *  1. A record has one entry, however many checks it fails: the gravest level and every reason.
 *  2. A broadcast record is read by every task, and kept and counted by one of them.
 *  3. Entries and counts belong to the commit: a task that is given up takes them along.
 */
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { ValueCodec } from '../core/serde.ts'
import type {
  ConsumerRecord,
  Partition,
  ProducerRecord,
  TopicName,
  TopicPartition,
} from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { QuarantineReason, StreamRecord } from '../processors/processor.ts'
import {
  joinFailures,
  quarantineEntry,
  quarantineTopic,
  type CheckFailure,
  type QuarantineEntry,
  type QuarantineLevel,
} from '../quality/quarantine.ts'
import type { Refuse } from './execution.ts'
import { jsonForm } from './queries/json-form.ts'
import type { TaskGraph } from './task-graph.ts'
import type { TaskMetrics } from './task-metrics.ts'

/** A record of no input: see `#addDerived`. */
interface Derived {
  readonly node: string
  readonly bytes: Buffer
  readonly timestampMs: number
  readonly why: CheckFailure<'Error'>
}

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
  readonly topologyName: string
  readonly metrics: TaskMetrics
}

export class TaskQuarantine {
  readonly #options: TaskQuarantineOptions
  readonly #refused = new Map<string, Refused>()
  #derived: Derived[] = []
  #bytes = 0
  #warnings = 0

  constructor(options: TaskQuarantineOptions) {
    this.#options = options
  }

  /** Records that are kept. */
  get count(): number {
    return this.#refused.size + this.#derived.length
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

  /** What the node's error policy says of a record that its function has thrown on. */
  readonly refuse: Refuse = (node, record, origin, thrown) => {
    const message = messageOf(thrown)
    if (node.onError === 'skip') {
      this.#options.metrics.countFailed(node.name, message)
      return
    }
    const reason = `node ${node.name}: ${message}`
    const why = { check: 'PROCESSING_FAILED', level: 'Error', reason } as const
    if (origin === null) this.#addDerived(node.name, record, why)
    else this.add(origin, origin.raw, why)
  }

  /** A record that was made here and has no input record of its own: kept in its readable form, for who looks into it. */
  #addDerived(
    node: string,
    { key, value, timestampMs }: StreamRecord,
    why: CheckFailure<'Error'>,
  ): void {
    const bytes = Buffer.from(JSON.stringify(jsonForm({ key, value })))
    this.#derived.push({ node, bytes, timestampMs, why })
    this.#bytes += bytes.length
  }

  records(codec: ValueCodec<QuarantineEntry>): readonly ProducerRecord[] {
    return [...this.#entries(), ...this.#derivedEntries()].map((entry) => ({
      key: quarantineTopic.keySerde.serialize([entry.id]),
      value: codec.encode(entry),
      timestampMs: entry.event_time,
    }))
  }

  #entries(): QuarantineEntry[] {
    return [...this.#refused.values()].map(({ at, raw, failures }) => {
      const { check, level, reason } = joinFailures(failures)
      return quarantineEntry({
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
    })
  }

  #derivedEntries(): QuarantineEntry[] {
    const { topologyName, clock } = this.#options
    return this.#derived.map(({ node, bytes, timestampMs, why }) =>
      quarantineEntry({
        ...why,
        topic: `${topologyName}-${node}` as TopicName,
        position: null,
        source: 'runtime',
        location: `node ${node}`,
        format: 'json',
        key: null,
        value: bytes,
        timestampMs,
        nowMs: clock.nowMs(),
      }),
    )
  }

  clear(): void {
    this.#refused.clear()
    this.#derived = []
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
