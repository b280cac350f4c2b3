/** Parts of a time in UTC. */

export interface UtcParts {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  /** 0 Monday to 6 Sunday. */
  readonly dayOfWeek: number
}

const dayMs = 86_400_000

export function utcParts(ms: number): UtcParts {
  const date = new Date(ms)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    dayOfWeek: (date.getUTCDay() + 6) % 7,
  }
}

/** Days since the epoch. */
export function utcDay(ms: number): number {
  return Math.floor(ms / dayMs)
}

export function dateOf(ms: number): Pick<UtcParts, 'year' | 'month' | 'day'> {
  const { year, month, day } = utcParts(ms)
  return { year, month, day }
}

export function utcDayStartMs(day: number): number {
  return day * dayMs
}
