/** Records on their way into one append, by topic and partition, each remembering where it will lie. */
import { offset as offsetOf, partition as partitionOf } from '../core/record.ts'
import type { Offset, Partition, ProducerRecord, TopicName } from '../core/record.ts'
import type { AppendResult, Log, PartitionRecords } from '../log/log.ts'

export interface Place {
  readonly partition: Partition
  readonly offset: Offset
}

interface Batch {
  readonly topic: TopicName
  readonly partition: Partition
  readonly records: ProducerRecord[]
}

/** Where a record was put: its batch, and the place in it. */
export interface Ticket {
  readonly batch: number
  readonly index: number
}

export class OutgoingRecords {
  readonly #batches: Batch[] = []
  readonly #batchOf = new Map<TopicName, number[]>()
  #results: readonly AppendResult[] = []

  add(topic: TopicName, partition: number, record: ProducerRecord): Ticket {
    let byPartition = this.#batchOf.get(topic)
    if (byPartition === undefined) {
      byPartition = []
      this.#batchOf.set(topic, byPartition)
    }
    let batch = byPartition[partition]
    if (batch === undefined) {
      batch = this.#batches.length
      byPartition[partition] = batch
      this.#batches.push({ topic, partition: partitionOf(partition), records: [] })
    }
    const { records } = this.#batches[batch] as Batch
    records.push(record)
    return { batch, index: records.length - 1 }
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  /** All in one write where the log can; durable when it resolves. */
  async append(log: Log): Promise<void> {
    if (!this.isEmpty) this.#results = await log.append(this.#batches satisfies PartitionRecords[])
  }

  /** After `append`. */
  placeOf({ batch, index }: Ticket): Place {
    const { partition, baseOffset } = this.#results[batch] as AppendResult
    return { partition, offset: offsetOf(baseOffset + index) }
  }
}
