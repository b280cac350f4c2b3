/** What the models of windows share: records of one key, in the order in which they came. */
import type { Output, RecordStep } from '../../differential/support/case.ts'

export interface Taken {
  readonly timestampMs: number
  readonly value: string
}

/** A record that can be folded; null for others, which have no effect. */
export function foldable(record: RecordStep): (RecordStep & { key: string; value: string }) | null {
  const { key, value } = record
  return key === null || value === null ? null : { ...record, key, value }
}

/** The greatest time of all records, whatever becomes of them. */
export class StreamTime {
  nowMs = -Infinity

  advance(record: RecordStep): number {
    this.nowMs = Math.max(this.nowMs, record.timestampMs)
    return this.nowMs
  }
}

/** A window's values joined by commas, as of its latest record. */
export function windowOutput(
  key: string,
  [startMs, endMs]: readonly [number, number],
  taken: readonly Taken[],
  header: string | null,
): Output {
  return {
    topic: 'out',
    key: `${key}@${startMs}/${endMs}`,
    value: taken.map(({ value }) => value).join(','),
    timestampMs: Math.max(...taken.map(({ timestampMs }) => timestampMs)),
    header,
  }
}

/** How many values a window's value joins. */
export function countOf(value: string): string {
  return String(value.split(',').length)
}
