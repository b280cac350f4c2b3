/** Where a consumer of facts begins to read. */
import { offset, topicPartitionId } from '../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'

/**
 * In the partitions' order. A committed offset holds for the table it was committed for, whose identity is its
 * metadata: a table that was lost and made anew begins where its topic begins. The log may have removed what is at a
 * committed offset: whoever reads there is told, and counts it.
 */
export async function startOffsets(
  log: Log,
  groupId: string,
  partitions: readonly TopicPartition[],
  identityOf: (topic: TopicName) => string,
): Promise<readonly Offset[]> {
  const committed = await log.committedOffsets(groupId, partitions)
  const starts = await logStarts(log, partitions)
  return partitions.map((at, index) => {
    const start = starts.get(topicPartitionId(at)) ?? 0
    const kept = committed[index] ?? null
    const isOfThisTable = kept !== null && kept.metadata === identityOf(at.topic)
    return offset(isOfThisTable ? kept.offset : start)
  })
}

async function logStarts(
  log: Log,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, number>> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const starts = new Map<string, number>()
  for (const { name, partitions: described } of await log.describeTopics(topics)) {
    for (const { partition, logStartOffset } of described) {
      starts.set(topicPartitionId({ topic: name, partition }), logStartOffset)
    }
  }
  return starts
}
