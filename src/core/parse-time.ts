const calendar =
  /^(\d{4})[-:/](\d{2})[-:/](\d{2})(?:[T ](\d{2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?)?)?$/

/** ISO 8601, in UTC where no zone is named, and the form of older schedulers: `2024:06:01 10`. Null where it is neither. */
export function parseTime(text: string): number | null {
  const zone = /(Z|[+-]\d{2}:\d{2})$/.exec(text)?.[0] ?? 'Z'
  const parts = calendar.exec(text.endsWith(zone) ? text.slice(0, -zone.length) : text)
  if (parts === null) return null
  const [, year, month, day, hour = '00', minute = '00', second = '00'] = parts
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`)
  // 2024-02-30 would be read as a day of March.
  const isOfCalendar = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate()
  return Number.isNaN(time) || isOfCalendar !== Number(day) ? null : time
}
