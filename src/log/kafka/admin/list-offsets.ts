/** Where partitions begin and end, and what lies at a time. */
import { listOffsetsV6, listOffsetsV7, listOffsetsV8, listOffsetsV9 } from '@platformatic/kafka'

import type { Offset, Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import type { FetchRequest } from '../../log.ts'
import { failureOfCode } from '../connections/failures.ts'
import { tolerantVersion } from '../connections/versioned.ts'
import type { BrokerId, KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import type { LeaderContext, PartitionAnswer } from './by-leader.ts'
import { askLeaders, byTopic } from './by-leader.ts'

interface OffsetsQuestion {
  readonly partitions: readonly TopicPartition[]
  readonly timestamp: bigint
  readonly isolation: FetchRequest['isolation']
}

type Answer = listOffsetsV9.ListOffsetsResponse

const listOffsetsRequest: RequestKind<OffsetsQuestion, Answer> = {
  name: 'ListOffsets',
  apiKey: 2,
  versions: [
    tolerantVersion(listOffsetsV9.api, question),
    tolerantVersion(listOffsetsV8.api, question),
    tolerantVersion(listOffsetsV7.api, question),
    tolerantVersion(listOffsetsV6.api, question),
  ],
}

const consumer = -1
const unknownEpoch = -1

function question({
  partitions,
  timestamp,
  isolation,
}: OffsetsQuestion): [number, number, listOffsetsV9.ListOffsetsRequestTopic[]] {
  const topics = [...byTopic(partitions)].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: unknownEpoch,
      timestamp,
    })),
  }))
  return [consumer, isolation === 'read_committed' ? 1 : 0, topics]
}

/** The least offset; the offset after the last record; the same, as far as no transaction is open. */
export type PartitionEdge = 'logStart' | 'highWatermark' | 'lastStable'

const latest = -1n
const earliest = -2n
const edges = {
  logStart: { timestamp: earliest, isolation: 'read_uncommitted' },
  highWatermark: { timestamp: latest, isolation: 'read_uncommitted' },
  lastStable: { timestamp: latest, isolation: 'read_committed' },
} as const

export function listEdges(
  context: LeaderContext,
  partitions: readonly TopicPartition[],
  edge: PartitionEdge,
): Promise<ReadonlyMap<string, Offset>> {
  return list(context, { partitions, ...edges[edge] })
}

/** −1 where no record is at or after the time. */
export function listOffsetsAt(
  context: LeaderContext,
  partitions: readonly TopicPartition[],
  timestampMs: number,
): Promise<ReadonlyMap<string, Offset>> {
  // Below 0 are the names of the edges.
  const timestamp = BigInt(Math.max(0, Math.ceil(timestampMs)))
  return list(context, { partitions, timestamp, isolation: 'read_uncommitted' })
}

/** Of partitions that one broker leads, asked once. */
export function askStableEnds(
  cluster: KafkaCluster,
  leader: BrokerId,
  partitions: readonly TopicPartition[],
): Promise<readonly PartitionAnswer<Offset>[]> {
  return askLeader(cluster, leader, { partitions, ...edges.lastStable })
}

function list(
  context: LeaderContext,
  { partitions, ...asked }: OffsetsQuestion,
): Promise<ReadonlyMap<string, Offset>> {
  return askLeaders(context, partitions, (leader, led) =>
    askLeader(context.cluster, leader, { ...asked, partitions: led }),
  )
}

async function askLeader(
  cluster: KafkaCluster,
  id: BrokerId,
  asked: OffsetsQuestion,
): Promise<readonly PartitionAnswer<Offset>[]> {
  const answer = await cluster.send({ kind: 'broker', id }, listOffsetsRequest, asked)
  return answer.topics.flatMap((topic) =>
    topic.partitions.map(({ partitionIndex, errorCode, offset }): PartitionAnswer<Offset> => ({
      topic: topic.name as TopicName,
      partition: partitionIndex as Partition,
      failure: errorCode === 0 ? null : failureOfCode(errorCode, 'ListOffsets', topic.name),
      value: Number(offset) as Offset,
    })),
  )
}
