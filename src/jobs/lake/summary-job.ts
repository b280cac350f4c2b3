/** `lake.summary`: what a lake has, by dataset. `lake.report`: how it grew, and what the retention takes next. */
import type { Job } from '../job.ts'
import { withLake, type LakeOptions, type LakeRun } from './lake-options.ts'
import { readIndex, readMetadata } from './metadata.ts'
import { dayOf, fileOf, firstDayKept, type Dataset, type Layer } from './places.ts'
import { daysOf, fieldsOf } from './requests.ts'

export interface DatasetSummary extends Dataset {
  readonly days: number
  readonly files: number
  /** Of the files, metadata among them. */
  readonly bytes: number
  readonly rows: number
  readonly first_day: string
  readonly last_day: string
  /** When the newest of its files was written. */
  readonly written_at: string
}

export interface LakeSummary {
  readonly location: string
  readonly datasets: readonly DatasetSummary[]
  readonly files: number
  readonly bytes: number
  readonly rows: number
}

export interface LakeReportRequest {
  /** How far back, and for what retention takes how far ahead. */
  readonly days: number
}

export interface Growth {
  /** When the files were written; those that have been replaced since are counted no more. */
  readonly day: string
  readonly files: number
  readonly bytes: number
}

export interface NextRemoval extends Dataset {
  /** When a cleanup removes it. */
  readonly on: string
  readonly day: string
  readonly bytes: number
}

export interface LakeReport extends LakeSummary {
  readonly growth: readonly Growth[]
  readonly next_removals: readonly NextRemoval[]
  /** Of a file, by dataset. */
  readonly file_bytes: readonly (Dataset & {
    readonly smallest: number
    readonly largest: number
  })[]
}

const reportDays = 30
const dayMs = 24 * 60 * 60_000

export function lakeSummaryJob(options: LakeOptions): Job<null, LakeSummary> {
  return {
    name: 'lake.summary',
    parse: (request) => {
      fieldsOf(request, [], 'lake.summary')
      return null
    },
    run: (_, { signal }) =>
      withLake(options, signal, async (run) => summaryOf(run, await look(run))),
  }
}

export function lakeReportJob(options: LakeOptions): Job<LakeReportRequest, LakeReport> {
  const name = 'lake.report'
  return {
    name,
    parse: (request) => ({ days: daysOf(fieldsOf(request, ['days'], name), name) ?? reportDays }),
    run: ({ days }, { signal }) =>
      withLake(options, signal, async (run) => {
        const seen = await look(run)
        return {
          ...(await summaryOf(run, seen)),
          growth: growthOf(run, seen, days),
          next_removals: nextRemovals(run, seen, days),
          file_bytes: fileSizes(seen),
        }
      }),
  }
}

interface SeenDay {
  readonly day: string
  files: number
  bytes: number
}

interface SeenDataset extends Dataset {
  readonly days: Map<string, SeenDay>
  modifiedMs: number
  smallest: number
  largest: number
}

interface Seen {
  readonly datasets: ReadonlyMap<string, SeenDataset>
  /** Day of writing to what was written. */
  readonly growth: ReadonlyMap<string, { files: number; bytes: number }>
}

/** One look through all names; what is held of it is a few numbers a day and dataset. */
async function look({ storage, signal }: LakeRun): Promise<Seen> {
  const datasets = new Map<string, SeenDataset>()
  const growth = new Map<string, { files: number; bytes: number }>()
  for await (const { path, bytes, modifiedMs } of storage.list('')) {
    signal.throwIfAborted()
    const place = fileOf(path)
    if (place === null) continue
    const { layer, name, day, file } = place
    const id = `${layer}/${name}`
    const seen = datasets.get(id) ?? newDataset(layer, name)
    datasets.set(id, seen)
    const ofDay = seen.days.get(day) ?? { day, files: 0, bytes: 0 }
    seen.days.set(day, ofDay)
    ofDay.bytes += bytes
    seen.modifiedMs = Math.max(seen.modifiedMs, modifiedMs)
    const writtenOn = dayOf(modifiedMs)
    const grown = growth.get(writtenOn) ?? { files: 0, bytes: 0 }
    growth.set(writtenOn, grown)
    grown.bytes += bytes
    if (!file.endsWith('.parquet')) continue
    ofDay.files += 1
    grown.files += 1
    seen.smallest = Math.min(seen.smallest, bytes)
    seen.largest = Math.max(seen.largest, bytes)
  }
  return { datasets, growth }
}

function newDataset(layer: Layer, name: string): SeenDataset {
  const sizes = { smallest: Number.MAX_SAFE_INTEGER, largest: 0 }
  return { layer, name, days: new Map(), modifiedMs: 0, ...sizes }
}

async function summaryOf(run: LakeRun, { datasets }: Seen): Promise<LakeSummary> {
  const summaries: DatasetSummary[] = []
  for (const [, seen] of [...datasets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { layer, name } = seen
    const days = [...seen.days.values()].sort((a, b) => (a.day < b.day ? -1 : 1))
    summaries.push({
      layer,
      name,
      days: days.length,
      files: sum(days, ({ files }) => files),
      bytes: sum(days, ({ bytes }) => bytes),
      rows: await rowsOf(run, seen),
      first_day: days[0]?.day ?? '',
      last_day: days.at(-1)?.day ?? '',
      written_at: new Date(seen.modifiedMs).toISOString(),
    })
  }
  return {
    location: run.storage.location,
    datasets: summaries,
    files: sum(summaries, ({ files }) => files),
    bytes: sum(summaries, ({ bytes }) => bytes),
    rows: sum(summaries, ({ rows }) => rows),
  }
}

/** From the index; of days that it does not have, from their own metadata. */
async function rowsOf({ storage }: LakeRun, { layer, name, days }: SeenDataset): Promise<number> {
  const index = await readIndex(storage, { layer, name })
  let rows = 0
  for (const day of days.keys()) {
    const known = index?.days[day] ?? (await readMetadata(storage, { layer, name, day }))
    rows += known?.rows ?? 0
  }
  return rows
}

function growthOf({ clock }: LakeRun, { growth }: Seen, days: number): readonly Growth[] {
  const nowMs = clock.nowMs()
  return Array.from({ length: days }, (_, index) => {
    const day = dayOf(nowMs - (days - 1 - index) * dayMs)
    return { day, ...(growth.get(day) ?? { files: 0, bytes: 0 }) }
  })
}

/** Of each dataset, the days that go within the next days. */
function nextRemovals(run: LakeRun, { datasets }: Seen, days: number): readonly NextRemoval[] {
  const removals: NextRemoval[] = []
  const nowMs = run.clock.nowMs()
  for (const { layer, name, days: held } of datasets.values()) {
    const retention = run.retentionDays[layer]
    const soon = firstDayKept(layer, run.retentionDays, nowMs + days * dayMs)
    if (soon === null) continue
    for (const { day, bytes } of held.values()) {
      if (day >= soon) continue
      const goesMs = Math.max(nowMs, Date.parse(day) + (retention + 1) * dayMs)
      removals.push({ layer, name, on: dayOf(goesMs), day, bytes })
    }
  }
  return removals.sort((a, b) =>
    `${a.on} ${a.name} ${a.day}` < `${b.on} ${b.name} ${b.day}` ? -1 : 1,
  )
}

function fileSizes({ datasets }: Seen): LakeReport['file_bytes'] {
  return [...datasets.values()]
    .filter(({ largest }) => largest > 0)
    .map(({ layer, name, smallest, largest }) => ({ layer, name, smallest, largest }))
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0)
}
