/**
 * The records that a task produces between two commits, encoded, by partition. Keys go where Kafka's default
 * partitioner puts them; a record without a key goes to the partition that the task's own number gives.
 */
import { present } from '../core/assert.ts'
import { partitionForKey } from '../core/partitioner.ts'
import type { Partition, ProducerRecord, TopicName } from '../core/record.ts'
import type { PartitionRecords } from '../log/log.ts'
import type { StreamRecord } from '../processors/processor.ts'
import type { RepartitionSinkNode, SinkNode } from '../topology/graph.ts'
import type { Codecs } from './codecs.ts'
import type { TaskNode } from './task-graph.ts'

interface OutputTopic {
  readonly name: TopicName
  readonly byPartition: ProducerRecord[][]
}

export interface OutputBufferOptions {
  readonly codecs: Codecs
  readonly partitionCountOf: (topic: TopicName) => number
  /** Of the task. */
  readonly partition: Partition
}

export class OutputBuffer {
  readonly #options: OutputBufferOptions
  readonly #topics = new Map<TopicName, OutputTopic>()
  #recordCount = 0
  #byteCount = 0

  constructor(options: OutputBufferOptions) {
    this.#options = options
  }

  get recordCount(): number {
    return this.#recordCount
  }

  get byteCount(): number {
    return this.#byteCount
  }

  /** @throws TidemarkError SCHEMA_REFUSED where the value does not fit the topic's schema */
  send({ graphNode }: Pick<TaskNode, 'graphNode'>, record: StreamRecord): void {
    const { kind, topic } = graphNode as SinkNode | RepartitionSinkNode
    let value: Buffer | null = null
    if (record.value !== null && record.value !== undefined) {
      value =
        kind === 'sink'
          ? this.#options.codecs.of(topic).encode(record.value)
          : topic.valueSerde.serialize(record.value)
    }
    const isKeyless = record.key === null || record.key === undefined
    const key = isKeyless ? null : topic.keySerde.serialize(record.key)
    this.add(topic.name, { key, value, timestampMs: record.timestampMs, headers: record.headers })
  }

  add(topic: TopicName, record: ProducerRecord): void {
    let output = this.#topics.get(topic)
    if (output === undefined) {
      const count = this.#options.partitionCountOf(topic)
      output = { name: topic, byPartition: Array.from({ length: count }, () => []) }
      this.#topics.set(topic, output)
    }
    const { byPartition } = output
    const partition =
      record.key === null
        ? this.#options.partition % byPartition.length
        : partitionForKey(record.key, byPartition.length)
    present(byPartition[partition], 'an output partition').push(record)
    this.#recordCount += 1
    this.#byteCount += (record.key?.length ?? 0) + (record.value?.length ?? 0)
  }

  batches(): PartitionRecords[] {
    const batches: PartitionRecords[] = []
    for (const { name, byPartition } of this.#topics.values()) {
      for (const [partition, records] of byPartition.entries()) {
        if (records.length > 0) {
          batches.push({ topic: name, partition: partition as Partition, records })
        }
      }
    }
    return batches
  }

  clear(): void {
    for (const { byPartition } of this.#topics.values()) {
      for (const partition of byPartition.keys()) byPartition[partition] = []
    }
    this.#recordCount = 0
    this.#byteCount = 0
  }
}
