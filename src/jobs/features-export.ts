/**
 * Training sets as Parquet, one folder a day (`year=2026/month=02/day=28/part-0.parquet`), as known at a given time: no
 * row rests on an attempt that came later, neither by event time (features are those before each attempt) nor by
 * arrival. Late rows would: they are left out and counted, unless they are asked for. `training-set.json` beside the
 * files says what they are.
 *
 *  1. The time is fixed before the first query, so that parts which are asked for one after another belong together.
 *  2. A part holds `partBytesMax` or so, and the more topics there are the fewer rows: neither side keeps more in memory,
 *     whatever the set's size and width. Of maps at most `blockBytesMax` or so are read at a time.
 *  3. A file has its name when it is whole; the description is written last. An export that fails takes away what it has
 *     written.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { messageOf, TidemarkError } from '../core/errors.ts'
import {
  abilityColumnBytes,
  attemptsAsOf,
  fixedBytes,
  queryTimeoutSeconds,
  topicsQuery,
  trainingRows,
  trainingSelect,
} from './features-columns.ts'

export interface AttemptsSource {
  /** ClickHouse's HTTP interface. */
  readonly clickhouse: (path: string, init?: RequestInit) => Promise<Response>
  /** Milliseconds since the epoch. */
  readonly asOfMs: number
}

export interface ExportOptions extends AttemptsSource {
  /** Made where it is missing; must be empty. */
  readonly directory: string
  /** Abilities in these become columns; null: in all that occur. */
  readonly topics: readonly string[] | null
  /** Rows beyond the horizon too, with `is_late` true. Absent: they are left out. */
  readonly includeLate?: boolean
  readonly onProgress?: (rows: number, rowsTotal: number) => void
  /** Hears of topics that nobody has met, whose columns hold nothing. */
  readonly onWarning?: (warning: string) => void
}

export interface TrainingSet {
  readonly as_of: string
  readonly rows: number
  /** Rows beyond the horizon, which the files do not hold. */
  readonly late_rows_left_out: number
  readonly topics: readonly string[]
  readonly parameter_versions: readonly string[]
  readonly files: readonly { readonly path: string; readonly rows: number }[]
}

interface Part {
  readonly path: string
  readonly rows: number
  readonly where: string
}

/** `bytes` is of a row, without its abilities. */
type DayCount = [year: number, month: number, day: number, rows: string, bytes: number]

interface Columns {
  readonly topics: readonly string[]
  /** Topics that a row's map can hold, asked for or not. */
  readonly topicsKnown: number
}

/** Of rows in memory, as ClickHouse counts them: half of what an instance's door lets through. */
const partBytesMax = 32 * 1024 * 1024
const blockBytesMax = 2 * 1024 * 1024
/** Of a map in memory: the ability, the topic's name and where it ends. */
const mapEntryBytes = 32
/** Where nothing is known of the maps yet. */
const blockRowsMin = 16
const blockRowsMax = 8192
/** Of a message. */
const namesListedMax = 20
const description = 'training-set.json'
const parquetMagic = 'PAR1'

/** @throws TidemarkError CONFIGURATION_INVALID where the directory is not empty, REQUEST_INVALID where topics are asked for
 * and nobody has met any of them, QUERY_FAILED */
export async function exportTrainingSet(options: ExportOptions): Promise<TrainingSet> {
  await mkdir(options.directory, { recursive: true })
  await refuseFilled(options.directory)
  try {
    return await writeSet(options)
  } catch (thrown) {
    for (const name of await readdir(options.directory)) {
      await rm(join(options.directory, name), { recursive: true, force: true })
    }
    throw thrown
  }
}

async function refuseFilled(directory: string): Promise<void> {
  const names = await readdir(directory)
  if (names.length === 0) return
  const isHalf = !names.includes(description) && names.every((name) => name.startsWith('year='))
  const found = isHalf
    ? `holds part of a training set, without ${description}: an export was cut off; remove it, or`
    : 'is not empty:'
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    `${directory} ${found} give --out a new or empty directory`,
  )
}

async function writeSet(options: ExportOptions): Promise<TrainingSet> {
  const { directory, asOfMs } = options
  const columns = await columnTopics(options)
  const { topics } = columns
  const versions = await rowsOf<[string]>(
    options,
    `SELECT DISTINCT parameter_version FROM (${rowsAsked(options)}) ORDER BY 1
     FORMAT JSONCompactEachRow`,
  )
  const lateRows = options.includeLate === true ? 0 : await countLate(options)
  const parts = await partsOf(options, topics.length)
  const rowsTotal = parts.reduce((sum, { rows }) => sum + rows, 0)
  const files: { path: string; rows: number }[] = []
  let rowsDone = 0
  for (const part of parts) {
    const rows = await writePart(options, columns, part)
    files.push({ path: part.path, rows })
    rowsDone += rows
    options.onProgress?.(rowsDone, rowsTotal)
  }
  const set: TrainingSet = {
    as_of: new Date(asOfMs).toISOString(),
    rows: rowsDone,
    late_rows_left_out: lateRows,
    topics,
    parameter_versions: versions.map(([version]) => version),
    files,
  }
  await writeFile(join(directory, description), `${JSON.stringify(set, null, 2)}\n`)
  return set
}

async function columnTopics(options: ExportOptions): Promise<Columns> {
  const { topics, asOfMs, onWarning } = options
  const known = await topicsAsOf(options)
  const topicsKnown = known.length
  if (topics === null) return { topics: known, topicsKnown }
  const unknown = topics.filter((topic) => !known.includes(topic))
  if (unknown.length === 0) return { topics, topicsKnown }
  const there = known.length === 0 ? 'there are none yet' : `there are ${listed(known)}`
  const asOf = new Date(asOfMs).toISOString()
  const found = `as of ${asOf} nobody has met topic ${listed(unknown)}; ${there}`
  if (unknown.length === topics.length) throw new TidemarkError('REQUEST_INVALID', found)
  onWarning?.(`${found}; what nobody has met is null in every row`)
  return { topics, topicsKnown }
}

function listed(names: readonly string[]): string {
  const more = names.length - namesListedMax
  const first = names.slice(0, namesListedMax).join(', ')
  return more > 0 ? `${first} and ${more} more` : first
}

/** The topics in which anyone had an ability. @throws TidemarkError QUERY_FAILED */
export async function topicsAsOf(source: AttemptsSource): Promise<readonly string[]> {
  const small = { max_block_size: String(blockRowsMin) }
  return (await rowsOf<[string]>(source, topicsQuery, small)).map(([topic]) => topic)
}

function rowsAsked({ includeLate = false }: ExportOptions): string {
  return trainingRows(includeLate)
}

async function countLate(source: AttemptsSource): Promise<number> {
  const [counted] = await rowsOf<[string]>(
    source,
    `SELECT countIf(is_late) FROM (${attemptsAsOf}) FORMAT JSONCompactEachRow`,
  )
  return Number(counted?.[0] ?? 0)
}

async function partsOf(options: ExportOptions, topics: number): Promise<Part[]> {
  const days = await rowsOf<DayCount>(
    options,
    `SELECT year, month, day, count(), avg(${fixedBytes}) FROM (${rowsAsked(options)}) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
     FORMAT JSONCompactEachRow`,
  )
  return days.flatMap(([year, month, day, count, bytes]) => {
    const rowBytes = bytes + topics * abilityColumnBytes
    const partCount = Math.ceil((Number(count) * rowBytes) / partBytesMax)
    const two = (number: number) => String(number).padStart(2, '0')
    return Array.from({ length: partCount }, (_, part) => ({
      path: `year=${year}/month=${two(month)}/day=${two(day)}/part-${part}.parquet`,
      rows: Math.round(Number(count) / partCount),
      where:
        `year = ${year} AND month = ${month} AND day = ${day}` +
        ` AND cityHash64(user_id, attempt_id) % ${partCount} = ${part}`,
    }))
  })
}

/** Returns the number of rows written. */
async function writePart(
  options: ExportOptions,
  { topics, topicsKnown }: Columns,
  { path, where }: Part,
): Promise<number> {
  const selected = `FROM (${rowsAsked(options)}) WHERE ${where}`
  const [counted] = await rowsOf<[string]>(
    options,
    `SELECT count() ${selected} FORMAT JSONCompactEachRow`,
  )
  const blockRows = Math.floor(blockBytesMax / (mapEntryBytes * Math.max(1, topicsKnown)))
  const response = await ask(options, `${trainingSelect(topics, selected)} FORMAT Parquet`, {
    max_block_size: String(Math.min(blockRowsMax, Math.max(blockRowsMin, blockRows))),
    output_format_parquet_compression_method: 'snappy',
  }).catch((thrown: unknown) => {
    throw tooWide(thrown, topics.length)
  })
  const target = join(options.directory, path)
  const partial = `${target}.partial`
  await mkdir(dirname(target), { recursive: true })
  const body = response.body ?? new ReadableStream()
  await pipeline(Readable.fromWeb(body as never), createWriteStream(partial))
  await refuseTruncated(partial, path)
  await rename(partial, target)
  return Number(counted?.[0] ?? 0)
}

/** A query that fails half-way has begun its answer already: the file then lacks its end. */
async function refuseTruncated(file: string, path: string): Promise<void> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, 2000)
    const tail = Buffer.alloc(length)
    await handle.read(tail, 0, length, size - length)
    if (tail.toString('latin1').endsWith(parquetMagic)) return
    throw new TidemarkError('QUERY_FAILED', `${path}: ${tail.toString('utf8').trim()}`)
  } finally {
    await handle.close()
  }
}

/** ClickHouse's words for it tell the whole statement, and nothing of topics. */
function tooWide(thrown: unknown, topics: number): unknown {
  const isTooLong = /Max query size exceeded|AST is too big/.test(messageOf(thrown))
  if (!isTooLong) return thrown
  return new TidemarkError(
    'REQUEST_INVALID',
    `columns for ${topics} topics make a statement that is longer than ClickHouse takes (max_query_size): ` +
      'name fewer with --topics; sets of several groups of topics belong together by user_id and attempt_id',
    { cause: thrown },
  )
}

async function rowsOf<Row>(
  source: AttemptsSource,
  query: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  const response = await ask(source, query, settings)
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Row)
}

async function ask(
  { clickhouse, asOfMs }: AttemptsSource,
  body: string,
  settings: Readonly<Record<string, string>>,
): Promise<Response> {
  const search = new URLSearchParams({
    param_as_of: String(asOfMs),
    max_execution_time: String(queryTimeoutSeconds),
    max_threads: '1',
    ...settings,
  })
  const response = await clickhouse(`/?${search.toString()}`, { method: 'POST', body })
  if (!response.ok) throw new TidemarkError('QUERY_FAILED', (await response.text()).trim())
  return response
}
