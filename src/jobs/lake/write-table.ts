/**
 * A table's current rows by the day of their event time. A day whose rows are not those that were written (a late event, a
 * row that was replaced, moved to another day or deleted) is written anew as a whole; the others are left alone.
 *
 *  1. Days are told apart by their fingerprints; what is recorded of a day is taken from the very rows that are in its files.
 *  2. Up to `daysPerPass` days are read in one pass over the table, row by row: memory does not grow with the table.
 *  3. A table without any row is one that has yet to be filled, and takes nothing out of the lake.
 */
import type { SelectedColumn } from './table-fingerprints.ts'
import { DayFiles } from '../../sinks/lake/day-files.ts'
import type { FinishedFile } from '../../sinks/lake/lake-file.ts'
import { readBlocks } from '../../sinks/lake/native-blocks.ts'
import type { LakeColumn } from '../../sinks/lake/parquet-columns.ts'
import { qualifiedName, quoteIdentifier } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { textLiteral } from '../../sinks/clickhouse/run-statement.ts'
import {
  changeDay,
  isIntact,
  listDays,
  removeDay,
  sweepDay,
  type ListedDays,
} from './day-changes.ts'
import { DayTotals, numberExtent, timeExtent, TotalsColumns } from './day-totals.ts'
import type { LakeTable, WritingRun } from './lake-options.ts'
import {
  fileEntry,
  indexedDay,
  readIndex,
  readMetadata,
  writeIndex,
  type DatasetIndex,
  type DayMetadata,
  type IndexedDay,
} from './metadata.ts'
import { dayOf, firstDayKept } from './places.ts'
import {
  columnsOf,
  dayColumn,
  dayExpression,
  fingerprintsOf,
  hashColumn,
  hashExpression,
  tableError,
  type Fingerprint,
} from './table-fingerprints.ts'
import { nothingWritten, type DatasetWritten } from './written.ts'

const daysPerPass = 200
const blockRows = 8192
const dayMs = 24 * 60 * 60_000

/** @throws TidemarkError LAKE_BUSY | LAKE_UNREACHABLE | LAKE_REFUSED | DISK_FULL | SINK_UNAVAILABLE | QUERY_FAILED */
export async function writeTable(run: WritingRun, table: LakeTable): Promise<DatasetWritten> {
  const columns = await columnsOf(run.clickhouse, table)
  const current = await fingerprintsOf(run.clickhouse, table, columns)
  const listed = await listDays(run, table)
  const written = { ...nothingWritten(table) }
  const kept = firstDayKept(table.layer, run.retentionDays, run.clock.nowMs())
  const wanted = new Map([...current].filter(([day]) => kept === null || day >= kept))
  written.days_past_retention = current.size - wanted.size
  const days = new Map<string, IndexedDay>()
  const index = await readIndex(run.storage, table)
  const changed = await changedDays({ run, table, wanted, listed, index, days })
  for (let at = 0; at < changed.length; at += daysPerPass) {
    const pass = changed.slice(at, at + daysPerPass)
    for (const metadata of await writeDays({ run, table, columns, listed }, pass)) {
      days.set(metadata.day, indexedDay(metadata))
      written.days_written += 1
      written.rows += metadata.rows
      written.files += metadata.files.length
      written.bytes += metadata.bytes
    }
  }
  if (current.size > 0) written.days_removed = await removeGone(run, table, current, listed)
  written.days_unchanged = wanted.size - changed.length
  await keepIndex(run, table, index, days)
  return written
}

async function keepIndex(
  run: WritingRun,
  table: LakeTable,
  before: DatasetIndex | null,
  now: ReadonlyMap<string, IndexedDay>,
): Promise<void> {
  const days = Object.fromEntries([...now].sort(([a], [b]) => (a < b ? -1 : 1)))
  if (JSON.stringify(days) === JSON.stringify(before?.days ?? {})) return
  const written_at = new Date(run.clock.nowMs()).toISOString()
  await run.lock.check()
  await writeIndex(run.storage, table, { format: 1, days, offsets: {}, written_at })
}

interface Comparison {
  readonly run: WritingRun
  readonly table: LakeTable
  readonly wanted: ReadonlyMap<string, Fingerprint>
  readonly listed: ListedDays
  readonly index: DatasetIndex | null
  /** Filled with those that are as they should be. */
  readonly days: Map<string, IndexedDay>
}

async function changedDays(comparison: Comparison): Promise<string[]> {
  const { run, table, wanted, listed, index, days } = comparison
  const changed: string[] = []
  for (const [day, now] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const place = { ...table, day }
    const files = listed.get(day)
    const isSame = (before: IndexedDay | null) =>
      before !== null && before.fingerprint === now.fingerprint && before.rows === now.rows
    let before = index?.days[day] ?? null
    // A crash before the index was written: the day may have been.
    if (!isSame(before)) before = files === undefined ? null : await indexedOf(run, place)
    if (before === null || !isSame(before) || !isIntact(before, files)) {
      changed.push(day)
      continue
    }
    days.set(day, before)
    await sweepDay(run, place, new Set(before.files.map(([file]) => file)), files)
  }
  return changed
}

async function indexedOf(
  { storage }: WritingRun,
  place: LakeTable & { readonly day: string },
): Promise<IndexedDay | null> {
  const metadata = await readMetadata(storage, place)
  return metadata === null ? null : indexedDay(metadata)
}

interface Pass {
  readonly run: WritingRun
  readonly table: LakeTable
  readonly columns: readonly SelectedColumn[]
  readonly listed: ListedDays
}

async function writeDays(pass: Pass, days: readonly string[]): Promise<readonly DayMetadata[]> {
  const { run, table, columns, listed } = pass
  const { files, totals } = await readDays(pass, days)
  const written: DayMetadata[] = []
  for (const day of days) {
    const total = totals.get(day)
    // Its rows have moved to another day meanwhile: the next write finds it gone.
    if (total === undefined) continue
    run.signal.throwIfAborted()
    const made = files.get(day) ?? []
    const metadata = metadataOf(run, { ...place(table, day), columns, total, made })
    await changeDay(run, metadata, made, listed.get(day))
    written.push(metadata)
  }
  return written
}

function place({ layer, name }: LakeTable, day: string) {
  return { layer, name, day }
}

interface ReadDays {
  readonly files: ReadonlyMap<string, readonly FinishedFile[]>
  readonly totals: ReadonlyMap<string, DayTotals>
}

/** One pass over the table, into a file or more a day. */
async function readDays({ run, table, columns }: Pass, days: readonly string[]): Promise<ReadDays> {
  const ours: readonly LakeColumn[] = [
    ...columns.map((column) => ({ ...column, name: answerName(column) })),
    { name: dayColumn, type: 'Date32', isBytes: false },
    { name: hashColumn, type: 'UInt64', isBytes: false },
  ]
  const { storage, compression, fileBytesMax } = run
  const workFile = () => storage.workFile()
  const files = new DayFiles({ columns, compression, fileBytesMax, workFile })
  const totals = new Map<string, DayTotals>()
  const totalsColumns = new TotalsColumns(
    ours.map(({ name }) => name),
    dayColumn,
    hashColumn,
  )
  const names = new Map<number, string>()
  try {
    const sql = selectDays(table, columns, days)
    const settings = { max_block_size: String(blockRows) }
    const request = { sql, format: 'Native', settings, parameters: {}, resultBytesMax: 0 }
    const { body } = await run.clickhouse.read({ ...request, signal: run.signal })
    for await (const block of readBlocks(body, ours)) {
      const bytes = block.bytes / Math.max(1, block.rows)
      for (let row = 0; row < block.rows; row += 1) {
        const number = totalsColumns.dayNumber(block, row)
        const day = names.get(number) ?? dayOf(number * dayMs)
        names.set(number, day)
        files.add(day, block.columns, row, bytes)
        const total = totals.get(day) ?? new DayTotals()
        totals.set(day, total)
        totalsColumns.addTo(total, block, row)
      }
      await files.settle()
    }
    return { files: await files.finish(), totals }
  } catch (thrown) {
    files.giveUp()
    run.signal.throwIfAborted()
    throw tableError(thrown)
  }
}

function selectDays(
  table: LakeTable,
  columns: readonly SelectedColumn[],
  days: readonly string[],
): string {
  const list = days.map((day) => `toDate32(${textLiteral(day)})`).join(', ')
  const selected = columns.map((column) => {
    const { name, expression } = column
    const answered = answerName(column)
    return answered === name ? expression : `${expression} AS ${quoteIdentifier(answered)}`
  })
  const added = [
    `${dayExpression} AS ${dayColumn}`,
    `${hashExpression(table, columns)} AS ${hashColumn}`,
  ]
  // One SELECT, which the engine streams: of a query within another it would hold the whole answer.
  return (
    `SELECT ${[...selected, ...added].join(', ')} ` +
    `FROM ${qualifiedName(table)} WHERE ${dayExpression} IN (${list})`
  )
}

/** What is written as text has another name in the answer: its own would stand for the text in the hash, too. */
function answerName({ name, expression }: SelectedColumn): string {
  return expression === quoteIdentifier(name) ? name : `tidemark_lake_text_${name}`
}

interface WrittenDay {
  readonly layer: LakeTable['layer']
  readonly name: string
  readonly day: string
  readonly columns: readonly LakeColumn[]
  readonly total: DayTotals
  readonly made: readonly FinishedFile[]
}

function metadataOf(run: WritingRun, { total, made, columns, ...at }: WrittenDay): DayMetadata {
  const files = made.map(fileEntry)
  return {
    format: 1,
    ...at,
    rows: total.rows,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    columns: columns.map(({ name, type }) => ({ name, type })),
    event_time: timeExtent(total.eventTime),
    known_at: timeExtent(total.knownAt),
    version: numberExtent(total.version),
    fingerprint: String(total.hash),
    files,
    written_at: new Date(run.clock.nowMs()).toISOString(),
    product_version: run.productVersion,
  }
}

/** Days that the table has no row of any more. */
async function removeGone(
  run: WritingRun,
  table: LakeTable,
  current: ReadonlyMap<string, Fingerprint>,
  listed: ListedDays,
): Promise<number> {
  let removed = 0
  for (const [day, files] of listed) {
    if (current.has(day)) continue
    await removeDay(run, place(table, day), files)
    removed += 1
  }
  return removed
}
