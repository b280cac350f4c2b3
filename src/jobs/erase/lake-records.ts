/**
 * The persons' events in the raw files of a lake: days that have one are written anew, with a row that has its place and time
 * alone, as the log has it. Files that the log no longer explains are looked at, too.
 */
import { parquetRead } from 'hyparquet'
import { DayFiles } from '../../sinks/lake/day-files.ts'
import { decompressors } from '../../sinks/lake/lake-file.ts'
import { changeDay, listDays, removeDay } from '../lake/day-changes.ts'
import { checkFiles, type CheckedFile } from '../lake/check-files.ts'
import type { LakeTable, LakeTopic, WritingRun } from '../lake/lake-options.ts'
import { fileEntry, readMetadata, type DayMetadata, type FileEntry } from '../lake/metadata.ts'
import { rawColumns } from '../lake/raw-records.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Persons } from './subjects.ts'

const rowsPerRead = 20_000
const [keyAt, valueAt] = ['key', 'value'].map(columnAt) as [number, number]
const [keyBytesAt, valueBytesAt] = ['key_bytes', 'value_bytes'].map(columnAt) as [number, number]
const blanked = ['key', 'value', 'key_bytes', 'value_bytes', 'fault'].map(columnAt)

type RawRow = unknown[]

/** @returns how many events were found. @throws TidemarkError LAKE_DAMAGED where a file cannot be read */
export async function eraseRaw(
  run: WritingRun,
  topic: LakeTopic,
  persons: Persons,
): Promise<number> {
  let events = 0
  const listed = await listDays(run, topic)
  for (const [day, files] of listed) {
    run.signal.throwIfAborted()
    const metadata = await readMetadata(run.storage, { layer: topic.layer, name: topic.name, day })
    if (metadata === null) continue
    const checked = await checkFiles(run.storage, metadata, files)
    const [fault] = checked.faults
    if (fault !== undefined) {
      throw new TidemarkError('LAKE_DAMAGED', `raw/${topic.name} of ${day}: ${fault}`)
    }
    const entries: FileEntry[] = []
    const made = []
    for (const file of checked.files) {
      const { found, files: anew } = await withoutPersons(run, day, file, persons)
      events += found
      made.push(...anew)
      const { offsets } = file.entry
      entries.push(
        ...(found === 0
          ? [file.entry]
          : anew.map((each) => ({
              ...fileEntry(each),
              ...(offsets === undefined ? {} : { offsets }),
            }))),
      )
    }
    if (made.length === 0) continue
    await changeDay(run, changedDay(run, metadata, entries), made, files)
  }
  return events
}

function changedDay(
  run: WritingRun,
  before: DayMetadata,
  files: readonly FileEntry[],
): DayMetadata {
  return {
    ...before,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
    written_at: new Date(run.clock.nowMs()).toISOString(),
    product_version: run.productVersion,
  }
}

async function withoutPersons(run: WritingRun, day: string, file: CheckedFile, persons: Persons) {
  const { storage, compression, fileBytesMax } = run
  const workFile = () => storage.workFile()
  const options = { columns: rawColumns, compression, fileBytesMax, workFile }
  // Looked through first: most files have none of them.
  let found = 0
  await eachRows(file, (rows) => {
    for (const row of rows) if (change(row, persons)) found += 1
    return Promise.resolve()
  })
  if (found === 0) return { found, files: [] }
  const files = new DayFiles(options)
  try {
    await eachRows(file, async (rows) => {
      for (const row of rows) {
        change(row, persons)
        files.add(
          day,
          row.map((cell) => [cell]),
          0,
          rowBytes(row),
        )
      }
      await files.settle()
    })
    return { found, files: (await files.finish()).get(day) ?? [] }
  } catch (thrown) {
    files.giveUp()
    throw thrown
  }
}

async function eachRows(
  { entry, buffer, metadata }: CheckedFile,
  take: (rows: readonly RawRow[]) => Promise<void>,
): Promise<void> {
  for (let rowStart = 0; rowStart < entry.rows; rowStart += rowsPerRead) {
    let read: RawRow[] = []
    await parquetRead({
      file: buffer,
      metadata,
      columns: rawColumns.map(({ name }) => name),
      rowStart,
      rowEnd: Math.min(entry.rows, rowStart + rowsPerRead),
      compressors: decompressors,
      // Bytes that are no text stay bytes.
      utf8: false,
      onComplete: (rows) => (read = rows),
    })
    for (const row of read) {
      const at = columnAt('timestamp')
      if (row[at] instanceof Date) row[at] = BigInt(row[at].getTime())
    }
    await take(read)
  }
}

/** True where the row was somebody's, and is nobody's now. */
function change(row: RawRow, persons: Persons): boolean {
  const value = row[valueAt]
  if (typeof value !== 'string') {
    const bytes = [row[keyBytesAt], row[valueBytesAt]].map(bytesOf)
    // A key that can be read beside a value that cannot, or beside none.
    const key = typeof row[keyAt] === 'string' ? Buffer.from(row[keyAt]) : null
    if (persons.ofBytes(key, ...bytes) === 'other') return false
    blank(row)
    return true
  }
  const fields = JSON.parse(value) as Readonly<Record<string, unknown>>
  const verdict = persons.ofFields(fields)
  if (verdict === 'about') blank(row)
  if (verdict === 'mention') row[valueAt] = JSON.stringify(persons.withoutMentions(fields))
  return verdict === 'about' || verdict === 'mention'
}

function bytesOf(cell: unknown): Buffer | null {
  return cell instanceof Uint8Array ? Buffer.from(cell) : null
}

function blank(row: RawRow): void {
  for (const at of blanked) row[at] = null
}

function rowBytes(row: RawRow): number {
  return row.reduce<number>((sum, cell) => {
    return sum + (typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 8)
  }, 0)
}

function columnAt(name: string): number {
  return rawColumns.findIndex((column) => column.name === name)
}

/** A write takes nothing out for a table without a row, since that may be one that is yet to be filled; here it is not. */
export async function removeEmptied(run: WritingRun, table: LakeTable): Promise<number> {
  const listed = await listDays(run, table)
  for (const [day, files] of listed) {
    await removeDay(run, { layer: table.layer, name: table.name, day }, files)
  }
  return listed.size
}
