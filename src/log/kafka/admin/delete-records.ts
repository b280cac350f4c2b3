/** Deletes what lies before an offset. Kafka deletes whole segments; readers see the new beginning at once. */
import { deleteRecordsV2 } from '@platformatic/kafka'

import { TidemarkError } from '../../../core/errors.ts'
import type { Partition, TopicName } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { PartitionOffset } from '../../log.ts'
import { failureOfCode } from '../connections/failures.ts'
import { tolerantVersion } from '../connections/versioned.ts'
import type { RequestKind } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { LeaderContext } from './by-leader.ts'
import { askLeaders, byTopic } from './by-leader.ts'

const timeoutMs = 15_000

const deleteRecordsRequest: RequestKind<
  readonly PartitionOffset[],
  deleteRecordsV2.DeleteRecordsResponse
> = {
  name: 'DeleteRecords',
  apiKey: 21,
  versions: [tolerantVersion(deleteRecordsV2.api, deletion)],
}

function deletion(
  before: readonly PartitionOffset[],
): [deleteRecordsV2.DeleteRecordsRequestTopics[], number] {
  const topics = [...byTopic(before)].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition, offset }) => ({
      partitionIndex: partition,
      offset: BigInt(offset),
    })),
  }))
  return [topics, timeoutMs]
}

/** @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | OFFSET_OUT_OF_RANGE | REQUEST_INVALID where the topic
 * is compacted */
export async function deleteRecords(
  context: LeaderContext,
  before: readonly PartitionOffset[],
): Promise<void> {
  await askLeaders(context, before, async (id, led) => {
    const to = { kind: 'broker', id } as const
    const answer = await context.cluster.send(to, deleteRecordsRequest, led)
    return answer.topics.flatMap((topic) =>
      topic.partitions.map(({ partitionIndex, errorCode, lowWatermark }) => {
        const at = { topic: topic.name as TopicName, partition: partitionIndex as Partition }
        return { ...at, failure: failureAt(at, errorCode), value: lowWatermark }
      }),
    )
  })
}

function failureAt(at: Parameters<typeof topicPartitionId>[0], code: number): unknown {
  if (code === 0) return null
  const failure = failureOfCode(code, 'DeleteRecords', topicPartitionId(at))
  if (!(failure instanceof ProtocolError)) return failure
  if (failure.codeName === 'OFFSET_OUT_OF_RANGE') {
    return new TidemarkError(
      'OFFSET_OUT_OF_RANGE',
      `${topicPartitionId(at)} cannot be deleted to an offset that was never written`,
      { cause: failure },
    )
  }
  if (failure.codeName === 'POLICY_VIOLATION') {
    return new TidemarkError(
      'REQUEST_INVALID',
      `${topicPartitionId(at)} is compacted; Kafka deletes records only of topics with cleanup.policy delete`,
      { cause: failure },
    )
  }
  return failure
}
