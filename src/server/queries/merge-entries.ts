/** Entries of several partitions as one list. */
import type { AnsweredEntry, AnsweredPartition } from './read-message.ts'

export interface MergedEntry {
  readonly keyBytes: Buffer
  readonly partition: number
  readonly entry: AnsweredEntry
}

/**
 * By serialized key, up to where each partition has been read. Data that every task has whole (broadcast topics) is in each partition: of equal keys the copy
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
  const end = parts.map(endOf).reduce(earlier, null)
  return merged.filter(({ keyBytes }, index) => {
    if (end !== null && keyBytes.compare(end) > 0) return false
    const before = merged[index - 1]
    return before === undefined || !before.keyBytes.equals(keyBytes)
  })
}

/** The last key of a partition that was not read to its end; else null. */
function endOf({ entries, isCut }: AnsweredPartition): Buffer | null {
  const last = entries.at(-1)
  return isCut !== true || last === undefined ? null : Buffer.from(last.keyBytes, 'base64')
}

function earlier(left: Buffer | null, right: Buffer | null): Buffer | null {
  if (left === null || right === null) return left ?? right
  return left.compare(right) <= 0 ? left : right
}

/**
 * Windows or sessions of one key, up to where each partition has been read. A partition has windows by their starts and
 * sessions by their ends: what lies behind the last of one that was cut is left for the next page.
 */
export function upToCuts(
  parts: readonly AnsweredPartition[],
  kind: 'windows' | 'sessions',
): { readonly entries: readonly AnsweredEntry[]; readonly isCut: boolean } {
  const timeOf = ({ startMs, endMs }: AnsweredEntry) => (kind === 'windows' ? startMs : endMs) ?? 0
  const cuts = parts.filter(({ isCut }) => isCut === true)
  const lasts = cuts.map(({ entries }) => entries.at(-1)).filter((last) => last !== undefined)
  const end = Math.min(...lasts.map(timeOf))
  const entries = parts
    .flatMap((part) => part.entries.filter((entry) => timeOf(entry) <= end))
    .sort((left, right) => timeOf(left) - timeOf(right))
  return { entries, isCut: cuts.length > 0 }
}
