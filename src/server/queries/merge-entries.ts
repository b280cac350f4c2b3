/** Entries of several partitions as one list. */
import type { AnsweredEntry, AnsweredPartition } from './read-message.ts'

export interface MergedEntry {
  readonly keyBytes: Buffer
  readonly partition: number
  readonly entry: AnsweredEntry
}

/**
 * By serialized key. Data that every task has whole (broadcast topics) is in each partition: of equal keys the copy
 * of the first partition is taken.
 */
export function mergeByKey(parts: readonly AnsweredPartition[]): readonly MergedEntry[] {
  const merged = parts
    .flatMap(({ partition, entries }) =>
      entries.map((entry) => ({
        keyBytes: Buffer.from(entry.keyBytes, 'base64'),
        partition: Number(partition),
        entry,
      })),
    )
    .sort(
      (left, right) => left.keyBytes.compare(right.keyBytes) || left.partition - right.partition,
    )
  return merged.filter(({ keyBytes }, index) => {
    const before = merged[index - 1]
    return before === undefined || !before.keyBytes.equals(keyBytes)
  })
}
