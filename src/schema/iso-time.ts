/** ISO 8601 in, whole numbers out; null for anything else. A time needs its zone: without one it would mean
 * another moment on another machine. */
const timePattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d{2}):?(\d{2}))$/
const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const dayMs = 86_400_000

/** Milliseconds since the epoch; finer parts are cut off. */
export function isoToMs(text: string): number | null {
  const time = parseTime(text)
  return time === null ? null : time.seconds * 1000 + Math.floor(time.micros / 1000)
}

/** Microseconds since the epoch; finer parts are cut off. Null also where the number would not be exact. */
export function isoToMicros(text: string): number | null {
  const time = parseTime(text)
  if (time === null) return null
  const micros = time.seconds * 1_000_000 + time.micros
  return Number.isSafeInteger(micros) ? micros : null
}

function parseTime(text: string): { seconds: number; micros: number } | null {
  const match = timePattern.exec(text)
  if (match === null) return null
  const part = (group: number) => Number(match[group] ?? 0)
  const dayStartMs = dayMsOf(part(1), part(2), part(3))
  const [hour, minute, second, zoneHour, zoneMinute] = [4, 5, 6, 9, 10].map(part) as Times
  if (dayStartMs === null || hour > 23 || minute > 59 || second > 59) return null
  if (zoneHour > 23 || zoneMinute > 59) return null
  const zoneSeconds = (zoneHour * 3600 + zoneMinute * 60) * (match[8] === '-' ? -1 : 1)
  return {
    seconds: dayStartMs / 1000 + hour * 3600 + minute * 60 + second - zoneSeconds,
    micros: Number((match[7] ?? '').padEnd(6, '0').slice(0, 6)),
  }
}

type Times = [number, number, number, number, number]

/** Days since the epoch. */
export function isoToDays(text: string): number | null {
  const match = datePattern.exec(text)
  if (match === null) return null
  const startMs = dayMsOf(Number(match[1]), Number(match[2]), Number(match[3]))
  return startMs === null ? null : startMs / dayMs
}

function dayMsOf(year: number, month: number, day: number): number | null {
  const start = new Date(0)
  start.setUTCFullYear(year, month - 1, day)
  const same = start.getUTCMonth() === month - 1 && start.getUTCDate() === day
  return same && month >= 1 && day >= 1 ? start.getTime() : null
}
