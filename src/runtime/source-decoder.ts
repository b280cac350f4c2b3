/**
 * Turns what the log holds into records with typed keys and values. What cannot be decoded, and what bears a time
 * beyond the range, goes to quarantine with its original bytes (law 4). What was erased is counted.
 */
import { present } from '../core/assert.ts'
import { isErased } from '../core/erased.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { ConsumerRecord, TopicPartition } from '../core/record.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { QuarantineReason } from '../processors/processor.ts'
import { EventTimeRefusedError, eventTimeFault } from '../quality/event-time.ts'
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

export class SourceDecoder {
  readonly #graph: TaskGraph
  readonly #codecs: Codecs
  readonly #quarantine: Quarantine
  readonly #metrics: TaskMetrics

  constructor(graph: TaskGraph, codecs: Codecs, quarantine: Quarantine, metrics: TaskMetrics) {
    this.#graph = graph
    this.#codecs = codecs
    this.#quarantine = quarantine
    this.#metrics = metrics
  }

  async decode(at: TopicPartition, raws: readonly ConsumerRecord[]): Promise<InputRecord[]> {
    const sources = present(this.#graph.sourcesByTopic.get(at.topic), `source of ${at.topic}`)
    const [{ graphNode }] = sources as readonly [TaskSource]
    const inputs: InputRecord[] = []
    if (graphNode.kind === 'repartition-source') {
      const { topic } = graphNode
      this.#decodeAll(at, raws, sources, inputs, (raw) => decodeInternal(topic, raw))
    } else {
      const { topic } = graphNode
      const codec = this.#codecs.of(topic)
      await codec.prepare(raws.map(({ value }) => value))
      this.#decodeAll(at, raws, sources, inputs, (raw) => decodeExternal(topic, codec, raw))
    }
    return inputs
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
        for (const { graphNode } of sources) this.#metrics.countDropped(graphNode.name, 'erased')
        continue
      }
      try {
        const { key, value, timestampMs } = decode(raw)
        const record = { key, value, timestampMs, headers: raw.headers }
        inputs.push({ origin: new Origin(at.topic, at.partition, raw), record, sources })
      } catch (thrown) {
        this.#quarantine(at, raw, reasonOf(thrown))
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
