/** What one caller's transaction holds: batches by partition, and the offsets of its groups. */
import { TidemarkError } from '../../../core/errors.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { Offset, ProducerRecord, TopicPartition } from '../../../core/record.ts'
import type { BatchCodec, EncodedRecords } from '../../encoded-log.ts'
import type { AppendResult, GroupMetadata, PartitionOffset, PartitionRecords } from '../../log.ts'

/** A batch on its way. It may be sent more than once, each time stamped anew. */
export interface OutgoingBatch extends TopicPartition {
  readonly bytes: Buffer
  readonly recordCount: number
  /** How many records of the same partition come before it in its transaction. */
  readonly recordsBefore: number
  /** Where the broker put it; meaningful once the transaction is committed. */
  baseOffset: Offset
}

export interface GroupOffsets {
  readonly group: GroupMetadata
  readonly offsets: readonly PartitionOffset[]
}

interface PartitionContent {
  readonly at: TopicPartition
  readonly batches: OutgoingBatch[]
  pending: ProducerRecord[]
  recordCount: number
  /** Of these, how many are in `batches`. */
  encodedCount: number
}

const recordCountPosition = 57
const batchHeaderBytes = 61

export class TransactionContent {
  readonly groups: GroupOffsets[] = []
  readonly #codec: BatchCodec
  readonly #batchBytesMax: number
  readonly #byPartition = new Map<string, PartitionContent>()
  /** One for each send, in order: how many records of its partition were sent before it. */
  readonly #sends: { readonly content: PartitionContent; readonly recordsBefore: number }[] = []

  constructor(codec: BatchCodec, batchBytesMax: number) {
    this.#codec = codec
    this.#batchBytesMax = batchBytesMax
  }

  get isEmpty(): boolean {
    return this.groups.length === 0 && this.recordCount === 0
  }

  get recordCount(): number {
    let count = 0
    for (const content of this.#byPartition.values()) count += content.recordCount
    return count
  }

  /** Of the batches; call it after `seal`. */
  get bytes(): number {
    let bytes = 0
    for (const batch of this.batches()) bytes += batch.bytes.length
    return bytes
  }

  add(batch: PartitionRecords): void {
    const content = this.#contentOf(batch)
    this.#sends.push({ content, recordsBefore: content.recordCount })
    for (const record of batch.records) content.pending.push(record)
    content.recordCount += batch.records.length
  }

  /** @throws TidemarkError REQUEST_INVALID */
  addEncoded({ topic, partition, batch, recordCount }: EncodedRecords): void {
    const counted = batch.length < batchHeaderBytes ? 0 : batch.readInt32BE(recordCountPosition)
    if (counted !== recordCount || recordCount === 0) {
      throw new TidemarkError(
        'REQUEST_INVALID',
        `${topicPartitionId({ topic, partition })}: the encoded batch has ${counted} records, not ${recordCount}`,
      )
    }
    const content = this.#contentOf({ topic, partition })
    this.#encodePending(content)
    this.#sends.push({ content, recordsBefore: content.recordCount })
    pushBatch(content, batch, recordCount)
    content.recordCount += recordCount
  }

  addOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void {
    if (offsets.length > 0) this.groups.push({ group, offsets: [...offsets] })
  }

  /** Encodes what is left. */
  seal(): void {
    for (const content of this.#byPartition.values()) this.#encodePending(content)
  }

  *batches(): Iterable<OutgoingBatch> {
    for (const { batches } of this.#byPartition.values()) yield* batches
  }

  /** One for each send, in order. A send without records has the offset of what was sent after it. */
  results(): AppendResult[] {
    return this.#sends.map(({ content, recordsBefore }) => {
      const holds = (batch: OutgoingBatch) =>
        recordsBefore < batch.recordsBefore + batch.recordCount
      const batch = content.batches.find(holds) ?? content.batches.at(-1)
      const baseOffset =
        batch === undefined ? 0 : batch.baseOffset + recordsBefore - batch.recordsBefore
      return { ...content.at, baseOffset: baseOffset as Offset }
    })
  }

  #encodePending(content: PartitionContent): void {
    const { pending } = content
    if (pending.length === 0) return
    content.pending = []
    for (const { bytes, recordCount } of this.#codec.encode(pending, this.#batchBytesMax)) {
      pushBatch(content, bytes, recordCount)
    }
  }

  #contentOf({ topic, partition }: TopicPartition): PartitionContent {
    const id = topicPartitionId({ topic, partition })
    let content = this.#byPartition.get(id)
    if (content === undefined) {
      content = {
        at: { topic, partition },
        batches: [],
        pending: [],
        recordCount: 0,
        encodedCount: 0,
      }
      this.#byPartition.set(id, content)
    }
    return content
  }
}

function pushBatch(content: PartitionContent, bytes: Buffer, recordCount: number): void {
  content.batches.push({
    ...content.at,
    bytes,
    recordCount,
    recordsBefore: content.encodedCount,
    baseOffset: 0 as Offset,
  })
  content.encodedCount += recordCount
}
