/** A record that a task has taken in: decoded, with where it came from. */
import type { ConsumerRecord, Offset, Partition, TopicName } from '../core/record.ts'
import type { RecordMetadata, StreamRecord } from '../processors/processor.ts'
import type { TaskSource } from './task-graph.ts'

/** Where the record in hand came from; kept with every record that it leads to. */
export class Origin implements RecordMetadata {
  readonly topic: TopicName
  readonly partition: Partition
  /** With the original bytes, for quarantine. */
  readonly raw: ConsumerRecord
  /** The task's stream time when the record's turn came. */
  streamTimeMs = -Infinity

  constructor(topic: TopicName, partition: Partition, raw: ConsumerRecord) {
    this.topic = topic
    this.partition = partition
    this.raw = raw
  }

  get offset(): Offset {
    return this.raw.offset
  }

  get timestampMs(): number {
    return this.raw.timestampMs
  }
}

export interface InputRecord {
  readonly origin: Origin
  readonly record: StreamRecord
  /** The nodes it enters. */
  readonly sources: readonly TaskSource[]
}
