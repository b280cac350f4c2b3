/** ISO 8601 in, whole numbers out; null for anything else. A time needs its zone: without one it would mean
 * another moment on another machine. */
const timePattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d{2}):?(\d{2}))$/
const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const dayMs = 86_400_000

/** Milliseconds since the epoch; finer parts are cut off. */
export function isoToMs(text: string): number | null {
  const micros = isoToMicros(text)
  return micros === null ? null : Math.floor(micros / 1000)
}

/** Microseconds since the epoch; finer parts are cut off. */
export function isoToMicros(text: string): number | null {
  const match = timePattern.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const dayStartMs = dayMsOf(year ?? 0, month ?? 0, day ?? 0)
  const [zoneHour, zoneMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)]
  if (dayStartMs === null || zoneHour > 23 || zoneMinute > 59) return null
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return null
  const seconds = (hour ?? 0) * 3600 + (minute ?? 0) * 60 + (second ?? 0)
  const zoneSeconds = (zoneHour * 3600 + zoneMinute * 60) * (match[8] === '-' ? -1 : 1)
  const micros = Number((match[7] ?? '').padEnd(6, '0').slice(0, 6))
  return (dayStartMs / 1000 + seconds - zoneSeconds) * 1_000_000 + micros
}

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
