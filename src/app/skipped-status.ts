/** What the log removed before it was read, by reader and partition (law 4). */
import type { SkippedRecords } from '../core/skipped-records.ts'
import { topicPartitionId } from '../core/record.ts'
import type { SkippedStatus } from '../server/console/instance-status.ts'

interface Reader {
  readonly group: string
  readonly skips: readonly SkippedRecords[]
}

/** Several tasks of a topology may read one partition: their offsets are summed, and the last skip is told. */
export function skippedStatus(readers: Iterable<Reader>): readonly SkippedStatus[] {
  const found = new Map<string, SkippedStatus>()
  for (const { group, skips } of readers) {
    for (const skip of skips) {
      const id = `${group} ${topicPartitionId(skip)}`
      const before = found.get(id)
      const last = before !== undefined && before.atMs > skip.atMs ? before : { group, ...skip }
      found.set(id, { ...last, offsets: (before?.offsets ?? 0) + skip.offsets })
    }
  }
  return [...found.values()]
}
