/**
 * The Fetch request, version 12: the last that names topics, spoken by every broker from 2.7 on. Encoded and
 * parsed here because the library decodes every record on the way; here the batches stay bytes.
 * Source: https://kafka.apache.org/protocol#The_Messages_Fetch
 */
import { Reader, Writer } from '@platformatic/kafka'

import type { Offset, Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import type { FetchPartition, FetchRequest } from '../../log.ts'
import type { KafkaConnection, RequestKind } from '../kafka-cluster.ts'

export interface BrokerFetch {
  readonly partitions: readonly FetchPartition[]
  readonly waitMaxMs: number
  readonly bytesMax: number
  readonly bytesPerPartitionMax: number
  readonly isolation: FetchRequest['isolation']
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: Offset
}

export interface FetchAnswer extends TopicPartition {
  readonly code: number
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  readonly logStartOffset: Offset
  readonly aborted: readonly AbortedTransaction[]
  /** Whole batches, the last of which may be cut off. A view on the response. */
  readonly records: Buffer
}

export interface FetchResponse {
  readonly code: number
  readonly partitions: readonly FetchAnswer[]
}

const apiKey = 1
const version = 12
const consumer = -1
const unknownEpoch = -1
const unknownOffset = -1n
/** No fetch session (KIP-227): who asks changes its partitions at every request. */
const noSession = { id: 0, epoch: -1 }
const bytesMin = 1
const noBytes = Buffer.alloc(0)

export const fetchRequest: RequestKind<BrokerFetch, FetchResponse> = {
  name: 'Fetch',
  apiKey,
  versions: [{ version, send: sendFetch }],
}

function sendFetch(connection: KafkaConnection, request: BrokerFetch): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    connection.send<FetchResponse>(
      apiKey,
      version,
      () => writeFetch(request),
      (_correlationId, _apiKey, _version, reader) => readFetch(reader),
      true,
      true,
      (error, response) => {
        if (error === null) resolve(response as FetchResponse)
        else reject(error)
      },
    )
  })
}

function writeFetch(request: BrokerFetch): Writer {
  const byTopic = new Map<TopicName, FetchPartition[]>()
  for (const at of request.partitions) {
    byTopic.set(at.topic, [...(byTopic.get(at.topic) ?? []), at])
  }
  return Writer.create()
    .appendInt32(consumer)
    .appendInt32(request.waitMaxMs)
    .appendInt32(bytesMin)
    .appendInt32(request.bytesMax)
    .appendInt8(request.isolation === 'read_committed' ? 1 : 0)
    .appendInt32(noSession.id)
    .appendInt32(noSession.epoch)
    .appendArray([...byTopic], (topicWriter, [topic, partitions]) => {
      topicWriter.appendString(topic).appendArray(partitions, (writer, at) => {
        writer
          .appendInt32(at.partition)
          .appendInt32(unknownEpoch)
          .appendInt64(BigInt(at.offset))
          .appendInt32(unknownEpoch)
          .appendInt64(unknownOffset)
          .appendInt32(request.bytesPerPartitionMax)
      })
    })
    .appendArray([], () => undefined)
    .appendString('')
    .appendTaggedFields()
}

function readFetch(chunks: Reader): FetchResponse {
  // One copy where the response came in several chunks; then every batch is a view.
  const reader = Reader.from(chunks.buffer.buffer)
  reader.readInt32()
  const code = reader.readInt16()
  reader.readInt32()
  const partitions = reader
    .readArray((topicReader) => {
      const topic = topicReader.readString() as TopicName
      return topicReader.readArray((partitionReader) => readPartition(topic, partitionReader))
    })
    .flat()
  return { code, partitions }
}

function readPartition(topic: TopicName, reader: Reader): FetchAnswer {
  const partition = reader.readInt32() as Partition
  const code = reader.readInt16()
  const highWatermark = Number(reader.readInt64()) as Offset
  const lastStableOffset = Number(reader.readInt64()) as Offset
  const logStartOffset = Number(reader.readInt64()) as Offset
  const aborted = reader.readArray((abortedReader) => ({
    producerId: abortedReader.readInt64(),
    firstOffset: Number(abortedReader.readInt64()) as Offset,
  }))
  // The preferred replica, which is told only to who names its rack.
  reader.readInt32()
  const records = reader.readNullableBytes() ?? noBytes
  return {
    topic,
    partition,
    code,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    aborted,
    records,
  }
}
