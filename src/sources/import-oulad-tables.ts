/**
 * OULAD's seven tables into their topics, as the files have them: text, with the name of the file in `_source_file`.
 *
 * A row of a file is (content of the file, row number): a file read twice, or packed and unpacked, changes nothing. Rows of
 * clicks repeat and each counts, so they are the same by that. Others are the same by their natural key, and of two lines of
 * one key in a file the later one counts, which that tells.
 */
import type { Clock } from '../core/clock.ts'
import {
  columnsOf,
  sourceRowField,
  tableSpecs,
  type TableSpec,
} from '../facts/open-university-tables.ts'
import type { ImportProgress, ImportReport } from './import-report.ts'
import type { IngestPort, IngestRecord, RefusalPolicy } from './ingest-port.ts'
import { columnsOf as requireColumns } from './import-oulad.ts'
import { findOuladFiles, type OuladFile } from './import-oulad-files.ts'
import { RecordSender, type SenderTotals } from './record-sender.ts'
import { openFile, rowsHash } from './source-files.ts'
import { openTable, type TableRow } from './table-rows.ts'

export interface OuladTablesOptions {
  /** Directories, and files of any name: those are told by their header. */
  readonly paths: readonly string[]
  /** True: takes every table in a directory, whatever its name, that has the columns of one of the seven. */
  readonly discover?: boolean
  readonly ingest: IngestPort
  readonly clock: Clock
  /** Absent: quarantine. */
  readonly onError?: RefusalPolicy
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ImportProgress) => void
}

const rowBytesMax = 64 * 1024
/** 64 bits tell a few files apart. */
const hashDigits = 16
/** What a record holds in memory besides its row: that whole, where a cell is a part of its text or the row is kept. */
const recordBytes = 400

/** @throws TidemarkError SOURCE_UNREADABLE where a file cannot be read or lacks a column; TOPIC_UNKNOWN where the
 * instance does not run the topology */
export async function importOuladTables(options: OuladTablesOptions): Promise<ImportReport> {
  const { files, warnings } = await findOuladFiles(options.paths, options.discover === true)
  const topics = new Map<string, SenderTotals>()
  let events = 0
  for (const spec of Object.values<TableSpec>(tableSpecs)) {
    const own = files.filter((file) => file.spec === spec)
    if (own.length === 0) continue
    const { ingest, clock, signal, onError = 'quarantine' } = options
    const topic = spec.name
    const sender = new RecordSender({ ingest, clock, topic, onError, source: 'file', signal })
    for (const file of own) {
      const progress = (bytesRead: number, bytesTotal: number, rows: number) => {
        events += rows
        const [filesDone, filesTotal] = [files.indexOf(file), files.length]
        options.onProgress?.({
          file: file.path,
          filesDone,
          filesTotal,
          bytesRead,
          bytesTotal,
          events,
        })
      }
      warnings.push(...(await sendFile(file, sender, progress)))
    }
    await sender.flush()
    topics.set(topic, sender.totals)
  }
  return { topics, leftOut: new Map(), warnings }
}

type Progress = (bytesRead: number, bytesTotal: number, rows: number) => void

/** Returns warnings. */
async function sendFile(
  { path, spec, sourceFile }: OuladFile,
  sender: RecordSender,
  progress: Progress,
): Promise<string[]> {
  const field = spec.identity.includes('event_id') ? 'event_id' : sourceRowField
  const identity = (await rowsHash(path)).slice(0, hashDigits)
  const file = openFile(path)
  const { header, rows } = await openTable(file.chunks, path, rowBytesMax)
  requireColumns(
    path,
    header.columns,
    spec.columns.map(({ name }) => name),
  )
  const known = new Set(columnsOf(spec).map(({ name }) => name))
  const unknown = header.columns.filter((column) => !known.has(column))
  let number = 0
  for await (const found of rows) {
    for (const row of found) {
      number += 1
      const record = recordOf(row, header.columns, known, {
        [field]: `${identity}:${number}`,
        _source_file: sourceFile,
      })
      const bytes = recordBytes + (row.bytes?.length ?? 0)
      const sent = sender.add({ ...record, location: `${path}:${row.line}` }, bytes)
      if (sent !== undefined) await sent
    }
    progress(file.bytesRead(), file.bytesTotal, found.length)
  }
  if (unknown.length === 0) return []
  return [`${path}: left out column ${unknown.join(', ')}, which ${spec.name} does not have`]
}

function recordOf(
  { cells, fault, bytes }: TableRow,
  columns: readonly string[],
  known: ReadonlySet<string>,
  filled: Readonly<Record<string, string>>,
): IngestRecord {
  const reason =
    cells === null
      ? fault
      : cells.length === columns.length
        ? null
        : `the row has ${cells.length} cells, the header ${columns.length}`
  if (cells === null || reason !== null) {
    return {
      content: {
        form: 'unreadable',
        code: 'SCHEMA_REFUSED',
        faults: [{ path: '', reason: reason ?? '' }],
      },
      original: { format: 'bytes', value: bytes, key: null },
    }
  }
  const json: Record<string, string> = {}
  for (const [index, column] of columns.entries()) {
    if (known.has(column)) json[column] = cells[index] ?? ''
  }
  return { content: { form: 'json', json: { ...json, ...filled } } }
}
