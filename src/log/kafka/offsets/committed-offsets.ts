/**
 * The committed offsets of a group, stable: while a transaction that commits some is open, the answer is waited for
 * (KIP-447), so that a task which starts never goes back behind what is just being committed.
 * Source: https://kafka.apache.org/protocol#The_Messages_OffsetFetch
 */
import type { Reader, Writer } from '@platformatic/kafka'

import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { Offset, Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import type { PartitionOffset } from '../../log.ts'
import { failureOfCode, isMisdirected, isRetriable } from '../connections/failures.ts'
import type { KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { ownVersion, writeByTopic } from '../transactions/own-request.ts'

export interface OffsetFetchRequest {
  readonly groupId: string
  /** Null asks for every partition that the group has an offset of. */
  readonly partitions: readonly TopicPartition[] | null
}

export interface FetchedOffset extends TopicPartition {
  readonly code: number
  /** −1 where nothing is committed. */
  readonly offset: number
  readonly metadata: string
}

export interface OffsetFetchResponse {
  readonly code: number
  readonly offsets: readonly FetchedOffset[]
}

export const offsetFetchRequest: RequestKind<OffsetFetchRequest, OffsetFetchResponse> = {
  name: 'OffsetFetch',
  apiKey: 9,
  versions: [9, 8].map((version) =>
    ownVersion(
      9,
      version,
      (writer, request: OffsetFetchRequest) => {
        writer
          .appendArray([request], (groupWriter, { groupId, partitions }) => {
            groupWriter.appendString(groupId)
            // Who asks, of the protocol of KIP-848: nobody.
            if (version >= 9) groupWriter.appendString(null).appendInt32(-1)
            writePartitions(groupWriter, partitions)
          })
          .appendBoolean(true)
      },
      readOffsetFetch,
    ),
  ),
}

/** UNSTABLE_OFFSET_COMMIT passes with the transaction, whose end is milliseconds away, or at its timeout. */
const unstableFirstMs = 2
const unstableMaxMs = 100
const passingMaxMs = 1_000

export interface CommittedOffsetsOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  /** How long to wait for open transactions and for a coordinator; longer than any transaction lives. */
  readonly giveUpAfterMs: number
  readonly signal?: AbortSignal
}

/** One for each partition, in order; null where nothing is committed.
 * @throws TidemarkError KAFKA_UNREACHABLE | KAFKA_REFUSED */
export async function committedOffsets(
  groupId: string,
  partitions: readonly TopicPartition[],
  options: CommittedOffsetsOptions,
): Promise<readonly (PartitionOffset | null)[]> {
  if (partitions.length === 0) return []
  const found = await fetchStable({ groupId, partitions }, options)
  const byId = new Map(found.map((offset) => [topicPartitionId(offset), offset]))
  return partitions.map((at) => {
    const fetched = byId.get(topicPartitionId(at))
    return fetched === undefined ? null : partitionOffset(fetched)
  })
}

/** All that the group has committed. @throws TidemarkError KAFKA_UNREACHABLE | KAFKA_REFUSED */
export async function allCommittedOffsets(
  groupId: string,
  options: CommittedOffsetsOptions,
): Promise<readonly PartitionOffset[]> {
  const found = await fetchStable({ groupId, partitions: null }, options)
  return found.map(partitionOffset).filter((offset) => offset !== null)
}

async function fetchStable(
  request: OffsetFetchRequest,
  { cluster, clock, giveUpAfterMs, signal }: CommittedOffsetsOptions,
): Promise<readonly FetchedOffset[]> {
  const to = { kind: 'coordinator', of: 'group', key: request.groupId } as const
  const deadlineMs = clock.monotonicMs() + giveUpAfterMs
  for (let attempt = 0; ; attempt++) {
    let failure: unknown
    try {
      const { code, offsets } = await cluster.send(
        to,
        offsetFetchRequest,
        request,
        signal === undefined ? {} : { signal },
      )
      const bad = code === 0 ? (offsets.find((offset) => offset.code !== 0)?.code ?? 0) : code
      if (bad === 0) return offsets
      failure = failureOfCode(bad, 'OffsetFetch', `group ${request.groupId}`)
    } catch (thrown) {
      failure = thrown
    }
    if (isMisdirected(failure)) cluster.forgetCoordinator('group', request.groupId)
    const delayMs = delayAfter(failure, attempt)
    if (delayMs === null || clock.monotonicMs() + delayMs >= deadlineMs) {
      throw failureOfFetch(failure, request.groupId, giveUpAfterMs)
    }
    await pause(clock, delayMs, signal)
    signal?.throwIfAborted()
  }
}

function delayAfter(failure: unknown, attempt: number): number | null {
  if (!isRetriable(failure)) return null
  const isUnstable =
    failure instanceof ProtocolError && failure.codeName === 'UNSTABLE_OFFSET_COMMIT'
  return Math.min(
    isUnstable ? unstableMaxMs : passingMaxMs,
    unstableFirstMs * 2 ** Math.min(attempt, 20),
  )
}

function failureOfFetch(failure: unknown, groupId: string, waitedMs: number): unknown {
  if (!(failure instanceof ProtocolError)) return failure
  return new TidemarkError(
    isRetriable(failure) ? 'KAFKA_UNREACHABLE' : 'KAFKA_REFUSED',
    `the committed offsets of group ${groupId} are not to be had within ${waitedMs} ms: ${failure.message}`,
    { cause: failure },
  )
}

function partitionOffset({
  topic,
  partition,
  offset,
  metadata,
}: FetchedOffset): PartitionOffset | null {
  if (offset < 0) return null
  const at = { topic, partition, offset: offset as Offset }
  return metadata === '' ? at : { ...at, metadata }
}

function writePartitions(writer: Writer, partitions: readonly TopicPartition[] | null): void {
  if (partitions === null) {
    writer.appendArray(null, () => undefined)
    return
  }
  const write = (partitionWriter: Writer, { partition }: TopicPartition) => {
    partitionWriter.appendInt32(partition)
  }
  writeByTopic(writer, partitions, write, false)
}

function readOffsetFetch(reader: Reader): OffsetFetchResponse {
  reader.readInt32()
  const groups = reader.readArray((groupReader) => {
    groupReader.readString()
    const offsets = groupReader
      .readArray((topicReader) => {
        const topic = topicReader.readString() as TopicName
        return topicReader.readArray((partitionReader) => readOffset(topic, partitionReader))
      })
      .flat()
    return { offsets, code: groupReader.readInt16() }
  })
  return groups[0] ?? { code: 0, offsets: [] }
}

function readOffset(topic: TopicName, reader: Reader): FetchedOffset {
  const partition = reader.readInt32() as Partition
  const offset = Number(reader.readInt64())
  reader.readInt32()
  const metadata = reader.readNullableString() ?? ''
  return { topic, partition, offset, metadata, code: reader.readInt16() }
}
