/** Where things are in a lake: `LAYER/NAME/year=2026/month=02/day=28/part-….parquet`, `_metadata.json` beside them. */
export const layers = ['raw', 'processed', 'aggregated'] as const
/** `raw`: records of topics; `processed`: rows of tables; `aggregated`: rows of tables that sum up. */
export type Layer = (typeof layers)[number]

/** A folder of days. */
export interface Dataset {
  readonly layer: Layer
  /** Of a topic, or `database.table`. */
  readonly name: string
}

export interface Place extends Dataset {
  /** UTC: `2026-02-28`. */
  readonly day: string
}

export const metadataName = '_metadata.json'
export const lockPath = '_lock.json'
const indexName = '_index.json'
const dayMs = 24 * 60 * 60_000
const firstMs = Date.parse('0001-01-01T00:00:00Z')
const lastMs = Date.parse('9999-12-31T00:00:00Z')

export function datasetFolder({ layer, name }: Dataset): string {
  return `${layer}/${name}/`
}

export function indexPath(dataset: Dataset): string {
  return `${datasetFolder(dataset)}${indexName}`
}

export function dayFolder(place: Place): string {
  const [year, month, day] = place.day.split('-')
  return `${datasetFolder(place)}year=${year}/month=${month}/day=${day}/`
}

export function metadataPath(place: Place): string {
  return `${dayFolder(place)}${metadataName}`
}

/** The same content has the same name, so that writing it again changes nothing. */
export function partName(sha256: string): string {
  return `part-${sha256.slice(0, 20)}.parquet`
}

const inDay =
  /^(raw|processed|aggregated)\/([^/]+)\/year=(\d{4})\/month=(\d{2})\/day=(\d{2})\/([^/]+)$/

/** Null of what is no day's file. */
export function fileOf(path: string): (Place & { readonly file: string }) | null {
  const found = inDay.exec(path)
  if (found === null) return null
  const [, layer, name = '', year, month, day, file = ''] = found
  return { layer: layer as Layer, name, day: `${year}-${month}-${day}`, file }
}

/** The day of a time, UTC; times that no calendar of four digits has are at its ends. */
export function dayOf(timeMs: number): string {
  const within = Math.min(Math.max(timeMs, firstMs), lastMs)
  return new Date(within).toISOString().slice(0, 10)
}

/** The day that lies so many days before that of the time. */
export function dayBefore(timeMs: number, days: number): string {
  return dayOf(Math.floor(timeMs / dayMs) * dayMs - days * dayMs)
}

export type RetentionDays = Readonly<Record<Layer, number>>

/** The first day that is kept; null where all are. */
export function firstDayKept(layer: Layer, retention: RetentionDays, nowMs: number): string | null {
  const days = retention[layer]
  return days === 0 ? null : dayBefore(nowMs, days)
}
