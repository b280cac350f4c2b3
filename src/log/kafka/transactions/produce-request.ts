/**
 * Produce of batches that are encoded and stamped. Version 12 adds its partitions to the transaction by itself
 * (KIP-890); 11 and below want them added before.
 * Source: https://kafka.apache.org/protocol#The_Messages_Produce
 */
import type { Reader, Writer } from '@platformatic/kafka'

import type { Offset, Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import type { RequestKind } from '../kafka-cluster.ts'
import { ownVersion, writeByTopic } from './own-request.ts'

export interface ProducedBatch extends TopicPartition {
  readonly bytes: Buffer
}

export interface ProduceRequest {
  readonly transactionalId: string | null
  /** How long the broker waits for its replicas. */
  readonly timeoutMs: number
  /** At most one a partition. */
  readonly batches: readonly ProducedBatch[]
}

/** The good ones too. */
export interface ProduceResult extends TopicPartition {
  readonly code: number
  readonly detail: string | null
  readonly baseOffset: Offset
}

const allReplicas = -1

export const produceRequest: RequestKind<ProduceRequest, readonly ProduceResult[]> = {
  name: 'Produce',
  apiKey: 0,
  versions: [12, 11, 10, 9].map((version) => ownVersion(0, version, writeProduce, readProduce)),
}

function writeProduce(writer: Writer, request: ProduceRequest): void {
  writer
    .appendString(request.transactionalId)
    .appendInt16(allReplicas)
    .appendInt32(request.timeoutMs)
  writeByTopic(writer, request.batches, (partitionWriter, { partition, bytes }) => {
    partitionWriter
      .appendInt32(partition)
      .appendUnsignedVarInt(bytes.length + 1)
      .append(bytes)
  })
}

function readProduce(reader: Reader): ProduceResult[] {
  const results = reader
    .readArray((topicReader) => {
      const topic = topicReader.readString() as TopicName
      return topicReader.readArray((partitionReader) => readResult(topic, partitionReader))
    })
    .flat()
  reader.readInt32()
  return results
}

function readResult(topic: TopicName, reader: Reader): ProduceResult {
  const partition = reader.readInt32() as Partition
  const code = reader.readInt16()
  const baseOffset = Number(reader.readInt64()) as Offset
  reader.readInt64()
  reader.readInt64()
  const recordErrors = reader.readArray((errorReader) => {
    errorReader.readInt32()
    return errorReader.readNullableString()
  })
  const detail = reader.readNullableString() ?? recordErrors.find((message) => message !== null)
  return { topic, partition, code, baseOffset, detail: detail ?? null }
}
