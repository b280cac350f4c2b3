/** `lake.summary`: what a lake has, by dataset. `lake.report`: how it grew, what it costs, and what goes next. */
import type { Job } from '../job.ts'
import { withLake, type LakeOptions, type LakeRun } from './lake-options.ts'
import { look, type Seen, type SeenDataset, type SeenDay } from './look.ts'
import { readIndex, readMetadata } from './metadata.ts'
import { dayBefore, dayOf, firstDayKept, type Dataset } from './places.ts'
import { daysOf, fieldsOf } from './requests.ts'
import { costsOf, type LakeCosts } from './storage-costs.ts'

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

export interface NextMove extends NextRemoval {
  readonly storage_class: string
}

export interface LakeReport extends LakeSummary {
  readonly growth: readonly Growth[]
  readonly next_removals: readonly NextRemoval[]
  /** What goes to the colder class next. */
  readonly next_moves: readonly NextMove[]
  readonly costs: LakeCosts
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
        const removed = nextRemovals(run, seen, days)
        const moved = nextMoves(run, seen, days)
        return {
          ...(await summaryOf(run, seen)),
          growth: growthOf(run, seen, days),
          next_removals: removed.map(({ bytesByClass: _, ...removal }) => removal),
          next_moves: moved.map(({ bytesByClass: _, ...move }) => move),
          costs: costsOf(seen.held, run.pricePerGibMonth, {
            removed,
            moved,
            coldClass: run.classes.cold,
          }),
          file_bytes: fileSizes(seen),
        }
      }),
  }
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

type Leaving<T> = T & { readonly bytesByClass: ReadonlyMap<string, number> }

/** Of each dataset, the days that go within the next days. */
function nextRemovals(
  run: LakeRun,
  { datasets }: Seen,
  days: number,
): readonly Leaving<NextRemoval>[] {
  const nowMs = run.clock.nowMs()
  const removals = [...datasets.values()].flatMap(({ layer, name, days: held }) => {
    const retention = run.retentionDays[layer]
    const soon = firstDayKept(layer, run.retentionDays, nowMs + days * dayMs)
    return [...held.values()]
      .filter(({ day }) => soon !== null && day < soon)
      .map(({ day, bytes, bytesByClass }) => {
        const on = dayAfter(run, day, retention)
        return { layer, name, on, day, bytes, bytesByClass }
      })
  })
  return removals.sort(byTime)
}

/** Those that become cold, and stay for a while. */
function nextMoves(run: LakeRun, { datasets }: Seen, days: number): readonly Leaving<NextMove>[] {
  const { cold, coldAfterDays } = run.classes
  if (cold === null) return []
  const laterMs = run.clock.nowMs() + days * dayMs
  const moves = [...datasets.values()].flatMap(({ layer, name, days: held }) => {
    const age = coldAfterDays[layer]
    const kept = firstDayKept(layer, run.retentionDays, laterMs)
    const isMoving = ({ day, movableByClass }: SeenDay) =>
      movableByClass.size > 0 && day < dayBefore(laterMs, age) && (kept === null || day >= kept)
    if (age === 0) return []
    return [...held.values()].filter(isMoving).map(({ day, movableByClass: bytesByClass }) => {
      const bytes = sum([...bytesByClass.values()], (each) => each)
      const on = dayAfter(run, day, age)
      return { layer, name, on, day, bytes, storage_class: cold, bytesByClass }
    })
  })
  return moves.sort(byTime)
}

/** When a day is older than so many days, or today where it is. */
function dayAfter({ clock }: LakeRun, day: string, days: number): string {
  return dayOf(Math.max(clock.nowMs(), Date.parse(day) + (days + 1) * dayMs))
}

function byTime(a: NextRemoval, b: NextRemoval): number {
  return `${a.on} ${a.name} ${a.day}` < `${b.on} ${b.name} ${b.day}` ? -1 : 1
}

function fileSizes({ datasets }: Seen): LakeReport['file_bytes'] {
  return [...datasets.values()]
    .filter(({ largest }) => largest > 0)
    .map(({ layer, name, smallest, largest }) => ({ layer, name, smallest, largest }))
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0)
}
