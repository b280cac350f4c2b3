/** Which rows are looked at. */
export interface Period {
  /** Milliseconds since the epoch; it belongs to the period. */
  readonly fromMs: number
  /** It does not. */
  readonly toMs: number
  /** `known_at`: rows that were computed in it; `event_time`: rows of what happened in it. */
  readonly by: PeriodColumn
}

export const periodColumns = ['known_at', 'event_time'] as const
export type PeriodColumn = (typeof periodColumns)[number]

export const dayMs = 24 * 60 * 60_000

export function within({ by, fromMs, toMs }: Period): string {
  return `${by} >= ${instant(fromMs)} AND ${by} < ${instant(toMs)}`
}

export function instant(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.trunc(ms)}), 'UTC')`
}
