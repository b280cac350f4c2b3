/** Where a reset sets the offsets of input topics to. */
import { present } from '../core/assert.ts'
import { offset, topicPartitionId, type TopicPartition } from '../core/record.ts'
import type { Offset } from '../core/record.ts'
import type { Log, PartitionOffset } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'

export type ResetPosition =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'time'; readonly timestampMs: number }
  /** From where the group is; backwards where it is negative. */
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'offset'; readonly offset: number }

export interface OffsetChange extends TopicPartition {
  /** Null where none was committed. */
  readonly from: Offset | null
  readonly to: Offset
}

const fetchBytesMax = 4 * 1024 * 1024
const fetchWaitMaxMs = 500

/** Within what each partition holds: an offset outside it would stop the task that reads it. */
export async function offsetChanges(
  log: Log,
  admin: LogAdmin | null,
  groupId: string,
  partitions: readonly TopicPartition[],
  position: ResetPosition,
): Promise<readonly OffsetChange[]> {
  if (partitions.length === 0) return []
  const committed = await log.committedOffsets(groupId, partitions)
  const ends = await endsOf(log, partitions)
  const atTime =
    position.kind === 'time'
      ? await offsetsAt(log, admin, position.timestampMs, partitions, ends)
      : null
  return partitions.map((at, index) => {
    const { start, end } = present(ends.get(topicPartitionId(at)), topicPartitionId(at))
    const from = committed[index]?.offset ?? null
    const wanted = (): number => {
      switch (position.kind) {
        case 'earliest':
          return start
        case 'latest':
          return end
        case 'time':
          return atTime?.get(topicPartitionId(at)) ?? end
        case 'shift':
          return (from ?? start) + position.by
        case 'offset':
          return position.offset
      }
    }
    const { topic, partition } = at
    return { topic, partition, from, to: offset(Math.min(end, Math.max(start, wanted()))) }
  })
}

interface Ends {
  readonly start: number
  readonly end: number
}

async function endsOf(
  log: Log,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Ends>> {
  const ends = new Map<string, Ends>()
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  for (const { name, partitions: described } of await log.describeTopics(topics)) {
    for (const { partition, logStartOffset, highWatermark } of described) {
      const id = topicPartitionId({ topic: name, partition })
      ends.set(id, { start: logStartOffset, end: highWatermark })
    }
  }
  return ends
}

async function offsetsAt(
  log: Log,
  admin: LogAdmin | null,
  timestampMs: number,
  partitions: readonly TopicPartition[],
  ends: ReadonlyMap<string, Ends>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  if (admin !== null) {
    for (const at of await admin.offsetsAt(timestampMs, partitions)) {
      found.set(topicPartitionId(at), at.offset)
    }
    return found
  }
  for (const at of partitions) {
    const { start, end } = present(ends.get(topicPartitionId(at)), topicPartitionId(at))
    found.set(topicPartitionId(at), await firstAt(log, at, timestampMs, start, end))
  }
  return found
}

/** A log of one's own has no index of times: it is read. */
async function firstAt(
  log: Log,
  at: TopicPartition,
  timestampMs: number,
  start: number,
  end: number,
): Promise<number> {
  let next = start
  while (next < end) {
    const [fetched] = await log.fetch({
      partitions: [{ ...at, offset: offset(next) }],
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: fetchWaitMaxMs,
      isolation: 'read_committed',
    })
    const { records, nextOffset } = present(fetched, topicPartitionId(at))
    const first = records.find((record) => record.timestampMs >= timestampMs)
    if (first !== undefined) return first.offset
    if (nextOffset <= next) break
    next = nextOffset
  }
  return end
}

export function asPartitionOffsets(changes: readonly OffsetChange[]): readonly PartitionOffset[] {
  return changes.map(({ topic, partition, to }) => ({ topic, partition, offset: to }))
}
