/** Where a consumer of facts begins to read. */
import { offset, topicPartitionId } from '../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import { rebuiltOffsets, type RebuiltTable } from './rebuilt-facts.ts'

/**
 * In the partitions' order. A committed offset holds for the table it was committed for, whose identity is its
 * metadata: a table that was made anew begins where whoever made it says, and else where its topic begins. The log may
 * have removed what is at a committed offset: whoever reads there is told, and counts it.
 */
export async function startOffsets(
  log: Log,
  groupId: string,
  partitions: readonly TopicPartition[],
  tableOf: (topic: TopicName) => RebuiltTable,
): Promise<readonly Offset[]> {
  const found = new Map<string, Offset>()
  const committed = await log.committedOffsets(groupId, partitions)
  for (const [index, at] of partitions.entries()) {
    const kept = committed[index] ?? null
    if (kept === null || kept.metadata !== tableOf(at.topic).identity) continue
    found.set(topicPartitionId(at), kept.offset)
  }
  const others = partitions.filter((at) => !found.has(topicPartitionId(at)))
  const rebuilt = await rebuiltOffsets(log, others, tableOf)
  for (const [index, at] of others.entries()) {
    const told = rebuilt[index] ?? null
    if (told !== null) found.set(topicPartitionId(at), told)
  }
  const starts = await logStarts(log, partitions)
  return partitions.map((at) => {
    const id = topicPartitionId(at)
    return found.get(id) ?? offset(starts.get(id) ?? 0)
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
