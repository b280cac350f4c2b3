/** Requests whose encoding is our own: the library lacks the version, or its parser hides codes of a response. */
import { Writer } from '@platformatic/kafka'
import type { Reader } from '@platformatic/kafka'

import { topicPartitionId } from '../../../core/record.ts'
import type { Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import { failureOfCode } from '../connections/failures.ts'
import type { RequestVersion } from '../kafka-cluster.ts'

/** One flexible version (KIP-482). `write` leaves out the request's own tagged fields. */
export function ownVersion<Request, Response>(
  apiKey: number,
  version: number,
  write: (writer: Writer, request: Request) => void,
  read: (reader: Reader) => Response,
): RequestVersion<Request, Response> {
  return {
    version,
    send: (connection, request) =>
      new Promise((resolve, reject) => {
        connection.send(
          apiKey,
          version,
          () => {
            const writer = Writer.create()
            write(writer, request)
            return writer.appendTaggedFields()
          },
          (_correlationId, _apiKey, _apiVersion, reader) => read(reader),
          true,
          true,
          (error, response) => {
            if (error === null) resolve(response as Response)
            else reject(error)
          },
        )
      }),
  }
}

export interface PartitionCode extends TopicPartition {
  readonly code: number
}

/** `topics => name [partitions] TAG_BUFFER`, as many requests have it. */
export function writeByTopic<Item extends TopicPartition>(
  writer: Writer,
  items: readonly Item[],
  writePartition: (writer: Writer, item: Item) => void,
  partitionsAreStructures = true,
): void {
  const byTopic = new Map<TopicName, Map<string, Item>>()
  for (const item of items) {
    let topic = byTopic.get(item.topic)
    if (topic === undefined) {
      topic = new Map()
      byTopic.set(item.topic, topic)
    }
    topic.set(topicPartitionId(item), item)
  }
  writer.appendArray([...byTopic], (topicWriter, [name, partitions]) => {
    topicWriter
      .appendString(name)
      .appendArray([...partitions.values()], writePartition, true, partitionsAreStructures)
  })
}

/** `topics => name [index error_code TAG_BUFFER] TAG_BUFFER`. */
export function readPartitionCodes(reader: Reader): PartitionCode[] {
  return reader
    .readArray((topicReader) => {
      const topic = topicReader.readString() as TopicName
      return topicReader.readArray((partitionReader) => ({
        topic,
        partition: partitionReader.readInt32() as Partition,
        code: partitionReader.readInt16(),
      }))
    })
    .flat()
}

export function failuresOf(codes: readonly PartitionCode[], request: string): Error[] {
  return codes.filter(({ code }) => code !== 0).map(({ code }) => failureOfCode(code, request))
}
