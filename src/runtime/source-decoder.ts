/**
 * Turns what the log holds into records with typed keys and values. What cannot be decoded, and what bears a time
 * beyond the range, goes to quarantine with its original bytes (law 4). What was erased is counted.
 *
 * So does a record that lies in another partition than its key belongs to, where a task keeps state: its producer chose
 * another key or another partitioner, and the record would never meet its kind. Kafka Streams takes it, and counts wrongly.
 */
import { present } from '../core/assert.ts'
import { isErased } from '../core/erased.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { partitionForKey } from '../core/partitioner.ts'
import type { ConsumerRecord, TopicName, TopicPartition } from '../core/record.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { QuarantineReason } from '../processors/processor.ts'
import { EventTimeRefusedError, eventTimeFault } from '../quality/event-time.ts'
import type { SourceNode } from '../topology/graph.ts'
import type { Codecs } from './codecs.ts'
import { Origin } from './input-record.ts'
import type { InputRecord } from './input-record.ts'
import type { TaskGraph, TaskSource } from './task-graph.ts'
import type { TaskMetrics } from './task-metrics.ts'

export type Quarantine = (at: TopicPartition, raw: ConsumerRecord, why: QuarantineReason) => void

export interface TypedRecord {
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs: number
}

export interface SourceDecoderOptions {
  readonly graph: TaskGraph
  readonly codecs: Codecs
  readonly quarantine: Quarantine
  readonly metrics: TaskMetrics
  /** Whether there is state that a key has in its own partition alone. */
  readonly hasStores: boolean
  readonly partitionCountOf: (topic: TopicName) => number
}

export class SourceDecoder {
  readonly #options: SourceDecoderOptions

  constructor(options: SourceDecoderOptions) {
    this.#options = options
  }

  async decode(at: TopicPartition, raws: readonly ConsumerRecord[]): Promise<InputRecord[]> {
    const { graph, codecs } = this.#options
    const sources = present(graph.sourcesByTopic.get(at.topic), `source of ${at.topic}`)
    const [{ graphNode }] = sources as readonly [TaskSource]
    const inputs: InputRecord[] = []
    if (graphNode.kind === 'repartition-source') {
      const { topic } = graphNode
      this.#decodeAll(at, raws, sources, inputs, (raw) => decodeInternal(topic, raw))
    } else {
      const { topic } = graphNode
      const codec = codecs.of(topic)
      await codec.prepare(raws.map(({ value }) => value))
      const partitionCount = this.#partitionCountOf(graphNode)
      this.#decodeAll(at, raws, sources, inputs, (raw) => {
        const typed = decodeExternal(topic, codec, raw)
        if (partitionCount > 1) refuseMisplaced(topic, at, partitionCount, typed.key)
        return typed
      })
    }
    return inputs
  }

  /** 1 where it does not matter which partition a record is in. */
  #partitionCountOf({ topic, broadcast }: SourceNode): number {
    const { hasStores, partitionCountOf } = this.#options
    return hasStores && !broadcast ? partitionCountOf(topic.name) : 1
  }

  #decodeAll(
    at: TopicPartition,
    raws: readonly ConsumerRecord[],
    sources: readonly TaskSource[],
    inputs: InputRecord[],
    decode: (raw: ConsumerRecord) => TypedRecord,
  ): void {
    for (const raw of raws) {
      if (isErased(raw)) {
        for (const { graphNode } of sources)
          this.#options.metrics.countDropped(graphNode.name, 'erased')
        continue
      }
      try {
        const { key, value, timestampMs } = decode(raw)
        const record = { key, value, timestampMs, headers: raw.headers }
        inputs.push({ origin: new Origin(at.topic, at.partition, raw), record, sources })
      } catch (thrown) {
        this.#options.quarantine(at, raw, reasonOf(thrown))
      }
    }
  }
}

function decodeInternal(topic: InternalTopic, raw: ConsumerRecord): TypedRecord {
  return {
    key: raw.key === null ? null : topic.keySerde.deserialize(raw.key),
    value: raw.value === null ? null : topic.valueSerde.deserialize(raw.value),
    timestampMs: raw.timestampMs,
  }
}

/** @throws what the codec and the topic's own functions throw, and where a time is beyond the range */
export function decodeExternal(
  topic: TopicDefinition,
  codec: ValueCodec<unknown>,
  raw: ConsumerRecord,
): TypedRecord {
  const value = raw.value === null ? null : codec.decode(raw.value)
  let key: unknown = null
  if (value !== null && topic.keyOf !== undefined) {
    key = topic.keyOf(value)
    if (key === null || key === undefined) throw keyMissing(`its value has no key of ${topic.name}`)
  } else if (raw.key !== null) {
    key = topic.keySerde.deserialize(raw.key)
  } else if (value === null) {
    throw keyMissing('a delete needs the key that it deletes')
  }
  const eventTimeMs = value === null ? null : (topic.eventTimeMsOf?.(value) ?? null)
  const timestampMs = eventTimeMs ?? raw.timestampMs
  const fault = eventTimeFault(topic.schema, value, timestampMs)
  if (fault !== null) throw new EventTimeRefusedError(fault)
  return { key, value, timestampMs }
}

/** @throws TidemarkError KEY_MISPLACED */
function refuseMisplaced(
  { name, keySerde }: TopicDefinition,
  { partition }: TopicPartition,
  partitionCount: number,
  key: unknown,
): void {
  const belongsTo = partitionForKey(keySerde.serialize(key), partitionCount)
  if (belongsTo === partition) return
  throw new TidemarkError(
    'KEY_MISPLACED',
    `it lies in partition ${partition} of ${name}, and its key ${JSON.stringify(key)} belongs to ${belongsTo}: its producer has ` +
      `another key or partitioner (docs/cluster.md, Producers of your own); a redrive puts it where it belongs`,
  )
}

function keyMissing(reason: string): TidemarkError {
  return new TidemarkError('KEY_MISSING', reason)
}

function reasonOf(thrown: unknown): QuarantineReason {
  if (thrown instanceof EventTimeRefusedError) {
    return { check: thrown.check, level: 'Critical', reason: thrown.message }
  }
  // What a topic's own `keyOf` or `eventTimeMsOf` throws is a check of its values.
  const code: ErrorCode = thrown instanceof TidemarkError ? thrown.code : 'CHECK_FAILED'
  return { check: code, level: 'Critical', reason: messageOf(thrown) }
}
