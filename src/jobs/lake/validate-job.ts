/**
 * `lake.validate`: whether a table or a topic is in the lake as its metadata says, and as it is where it comes from. What has
 * changed there since the last write is told, and is no fault.
 */
import { TidemarkError } from '../../core/errors.ts'
import type { Job, JobContext } from '../job.ts'
import { checkFiles, type CheckedDay } from './check-files.ts'
import { checkOffsets, countId, countLog } from './check-raw.ts'
import { compareDay } from './check-table.ts'
import { listDays, type ListedDays } from './day-changes.ts'
import {
  withLake,
  type LakeOptions,
  type LakeRun,
  type LakeTable,
  type LakeTopic,
} from './lake-options.ts'
import { readIndex, readMetadata, type DayMetadata } from './metadata.ts'
import { dayBefore, firstDayKept, metadataName, type Layer, type Place } from './places.ts'
import { daysOf, fieldsOf } from './requests.ts'
import { columnsOf, fingerprintsOf } from './table-fingerprints.ts'

export interface LakeValidateRequest {
  /** `database.table`, a table's name alone where only one has it, or a topic. */
  readonly table: string
  /** The last days, today among them; null: all. */
  readonly days: number | null
}

export interface ValidatedDay {
  readonly day: string
  readonly rows: number
  readonly files: number
  /** `behind`: the next write brings it up. */
  readonly state: 'ok' | 'behind' | 'faulty'
  readonly notes: readonly string[]
}

export interface LakeValidated {
  readonly layer: Layer
  readonly name: string
  readonly days: readonly ValidatedDay[]
  readonly faulty: number
}

export function lakeValidateJob(options: LakeOptions): Job<LakeValidateRequest, LakeValidated> {
  const name = 'lake.validate'
  return {
    name,
    parse: (request) => {
      const fields = fieldsOf(request, ['table', 'days'], name)
      const { table } = fields
      if (typeof table !== 'string' || table === '') {
        throw new TidemarkError(
          'REQUEST_INVALID',
          `${name}: table is the name of a table or a topic`,
        )
      }
      datasetNamed(options, table)
      return { table, days: daysOf(fields, name) }
    },
    run: ({ table, days }, context) =>
      withLake(options, context.signal, (run) =>
        validate(run, datasetNamed(options, table), days, context),
      ),
  }
}

/** @throws TidemarkError REQUEST_INVALID with the names that there are */
function datasetNamed(
  { tables, topics }: Pick<LakeOptions, 'tables' | 'topics'>,
  name: string,
): LakeTable | LakeTopic {
  const all = [...tables, ...topics]
  const exact = all.find(
    (dataset) => name === dataset.name || name === `${dataset.layer}/${dataset.name}`,
  )
  const byTable = tables.filter(({ table }) => table === name)
  const found = exact ?? (byTable.length === 1 ? byTable[0] : undefined)
  if (found !== undefined) return found
  const known = byTable.length > 1 ? byTable : all
  throw new TidemarkError(
    'REQUEST_INVALID',
    `${name} is ${byTable.length > 1 ? 'several tables' : 'no table or topic of this instance'}: ` +
      known.map((dataset) => dataset.name).join(', '),
  )
}

async function validate(
  run: LakeRun,
  dataset: LakeTable | LakeTopic,
  days: number | null,
  { onProgress }: JobContext,
): Promise<LakeValidated> {
  const listed = await listDays(run, dataset)
  const since = days === null ? '' : dayBefore(run.clock.nowMs(), days - 1)
  const chosen = [...listed.keys()].filter((day) => day >= since).sort()
  const source =
    'table' in dataset
      ? await tableSource(run, dataset, since)
      : await topicSource(run, dataset, new Set(chosen))
  const validated: ValidatedDay[] = []
  for (const [done, day] of chosen.entries()) {
    run.signal.throwIfAborted()
    onProgress({ text: `${dataset.name} ${day}`, done, total: chosen.length })
    validated.push(await validateDay(run, { ...place(dataset), day }, listed, source))
  }
  for (const day of source.days) {
    if (listed.has(day)) continue
    const notes = ['is not written yet']
    validated.push({ day, rows: 0, files: 0, state: 'behind', notes })
  }
  const faulty = validated.filter(({ state }) => state === 'faulty').length
  return { ...place(dataset), days: validated.sort((a, b) => (a.day < b.day ? -1 : 1)), faulty }
}

function place({ layer, name }: LakeTable | LakeTopic) {
  return { layer, name }
}

/** Where a dataset comes from, as it is now. */
interface Source {
  /** Days that it has, and the lake should have. */
  readonly days: readonly string[]
  readonly compare: (metadata: DayMetadata, checked: CheckedDay) => Promise<Compared>
}

interface Compared {
  readonly faults: readonly string[]
  readonly behind: readonly string[]
}

async function tableSource(run: LakeRun, table: LakeTable, since: string): Promise<Source> {
  const columns = await columnsOf(run.clickhouse, table)
  const current = await fingerprintsOf(run.clickhouse, table, columns)
  const kept = firstDayKept(table.layer, run.retentionDays, run.clock.nowMs()) ?? ''
  return {
    days: [...current.keys()].filter((day) => day >= since && day >= kept),
    compare: async (metadata) => {
      const compared = await compareDay(run, table, metadata, current.get(metadata.day))
      if (compared.state === 'same') return { faults: [], behind: [] }
      if (compared.state === 'behind') return { faults: [], behind: [compared.reason] }
      return { faults: [compared.reason], behind: [] }
    },
  }
}

async function topicSource(
  run: LakeRun,
  topic: LakeTopic,
  days: ReadonlySet<string>,
): Promise<Source> {
  const index = await readIndex(run.storage, topic)
  const { starts, counts } = await countLog(run, topic, index?.offsets ?? {}, days)
  return {
    days: [],
    compare: async ({ day }, { files }) => {
      const { faults, inLog } = await checkOffsets(files, starts)
      const missing = [...starts.keys()].flatMap((partition) => {
        const lacks = (counts.get(countId(day, partition)) ?? 0) - (inLog.get(partition) ?? 0)
        return lacks > 0 ? [`lacks ${lacks} records of partition ${partition}`] : []
      })
      return { faults: [...faults, ...missing], behind: [] }
    },
  }
}

/** A write may change the day meanwhile; what then looks wrong is looked at once more. */
async function validateDay(
  run: LakeRun,
  at: Place,
  listed: ListedDays,
  source: Source,
): Promise<ValidatedDay> {
  const { day } = at
  for (let attempt = 1; ; attempt += 1) {
    const metadata = await readMetadata(run.storage, at)
    if (metadata === null) return withoutMetadata(at, listed)
    const checked = await checkFiles(run.storage, metadata, listed.get(day) ?? new Map())
    const { faults: others, behind } = await source.compare(metadata, checked)
    const faults = [...checked.faults, ...others]
    if (faults.length > 0 && attempt < 3) {
      const again = await readMetadata(run.storage, at)
      if (again?.written_at !== metadata.written_at) continue
    }
    const state = faults.length > 0 ? 'faulty' : behind.length > 0 ? 'behind' : 'ok'
    const unnamed = checked.unnamed.map(
      (file) => `${file}: no metadata names it; a write removes it`,
    )
    const { rows, files } = metadata
    return { day, rows, files: files.length, state, notes: [...faults, ...behind, ...unnamed] }
  }
}

/** Files alone are what a write that died has left; metadata that cannot be read is damaged. */
function withoutMetadata({ layer, day }: Place, listed: ListedDays): ValidatedDay {
  const files = listed.get(day) ?? new Map<string, number>()
  const isDamaged = files.has(metadataName)
  const mend = layer === 'raw' ? 'put it back, as a write tells' : 'remove it'
  const notes = isDamaged
    ? [`${metadataName} cannot be read: ${mend}`]
    : ['no metadata names its files: a write removes them, or makes the day anew']
  return { day, rows: 0, files: files.size, state: isDamaged ? 'faulty' : 'behind', notes }
}
