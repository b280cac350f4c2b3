/**
 * How far a table that was made again holds its topic. Whoever makes it tells before anybody can see it, and every consumer
 * that finds it in the place of the old one goes on from there, though its maker may be dead by then. Where nothing is told, a
 * consumer reads from the topic's start.
 *
 * It is kept as offsets of a group that nobody joins: those of the sink's group are its members' alone.
 */
import { TidemarkError } from '../core/errors.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'

export const rebuiltGroup = 'tidemark-rebuilt'

/** A table as an incarnation of its topic filled it. */
export interface RebuiltTable {
  readonly identity: string
  readonly epoch: number
}

/** @throws TidemarkError KAFKA_UNREACHABLE | DISK_FULL */
export async function tellRebuilt(
  log: Log,
  topic: TopicName,
  table: RebuiltTable,
  reached: ReadonlyMap<TopicPartition['partition'], Offset>,
): Promise<void> {
  const metadata = metadataOf(table)
  const offsets = [...reached].map(([partition, offset]) => ({
    topic,
    partition,
    offset,
    metadata,
  }))
  const nobody = { groupId: rebuiltGroup, generationId: -1, memberId: '' }
  await unlessRefused(() => log.commitOffsets(nobody, offsets))
}

/** In the partitions' order; null where nobody has told of this table. */
export async function rebuiltOffsets(
  log: Log,
  partitions: readonly TopicPartition[],
  tableOf: (topic: TopicName) => RebuiltTable,
): Promise<readonly (Offset | null)[]> {
  if (partitions.length === 0) return []
  const told = (await unlessRefused(() => log.committedOffsets(rebuiltGroup, partitions))) ?? []
  return partitions.map(({ topic }, index) => {
    const offset = told[index] ?? null
    return offset?.metadata === metadataOf(tableOf(topic)) ? offset.offset : null
  })
}

function metadataOf({ identity, epoch }: RebuiltTable): string {
  return `${identity} ${epoch}`
}

/** Who has no right to this group reads more than is needed, and nothing else. */
async function unlessRefused<T>(step: () => Promise<T>): Promise<T | null> {
  try {
    return await step()
  } catch (thrown) {
    if (thrown instanceof TidemarkError && thrown.code === 'KAFKA_REFUSED') return null
    throw thrown
  }
}
