/**
 * OULAD's `studentAssessment` as exam scores: `exam` = id_assessment, `studentId` = id_student, the score or null.
 *
 * A result is the same by its assessment and student (`event_id` = `oulad/ASSESSMENT/STUDENT`), so importing twice
 * changes nothing. `date_submitted` counts days from the start of the presentation, which OULAD names only by its
 * month: event time is the first of that month (2013B: February, 2013J: October) plus the days, UTC. Source:
 * Kuzilek, Hlosta and Zdrahal, "Open University Learning Analytics dataset", 2017.
 */
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Content } from '../quality/admission.ts'
import type { ImportProgress, ImportReport } from './import-report.ts'
import type { IngestPort, IngestRecord, RefusalPolicy } from './ingest-port.ts'
import { RecordSender } from './record-sender.ts'
import { findTable, openFile } from './source-files.ts'
import { openTable, type TableRow } from './table-rows.ts'

export interface OuladImportOptions {
  readonly directory: string
  readonly ingest: IngestPort
  readonly clock: Clock
  /** Absent: quarantine. */
  readonly onError?: RefusalPolicy
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ImportProgress) => void
}

export const scoresTopic = 'exam_score'
const rowBytesMax = 64 * 1024
/** What a record holds in memory besides its row, which is kept with it. */
const recordBytes = 256
const dayMs = 24 * 60 * 60 * 1000

/** @throws TidemarkError SOURCE_UNREADABLE, naming what was looked for */
export async function importOuladScores(options: OuladImportOptions): Promise<ImportReport> {
  const { directory, ingest, clock, signal, onError = 'quarantine' } = options
  const path = findTable(directory, 'studentAssessment')
  const startOf = await assessmentStarts(findTable(directory, 'assessments'))
  const topic = scoresTopic
  const sender = new RecordSender({ ingest, clock, topic, onError, source: 'file', signal })
  const file = openFile(path)
  const { header, rows } = await openTable(file.chunks, path, rowBytesMax)
  const columns = columnsOf(path, header.columns, [
    'id_assessment',
    'id_student',
    'date_submitted',
    'score',
  ])
  let events = 0
  for await (const found of rows) {
    for (const row of found) {
      events++
      const bytes = recordBytes + (row.bytes?.length ?? 0)
      const sent = sender.add(recordOf(row, columns, startOf, path), bytes)
      if (sent !== undefined) await sent
    }
    const { bytesTotal } = file
    options.onProgress?.({
      file: path,
      filesDone: 0,
      filesTotal: 1,
      bytesRead: file.bytesRead(),
      bytesTotal,
      events,
    })
  }
  await sender.flush()
  return { topics: new Map([[topic, sender.totals]]), leftOut: new Map() }
}

/** When the presentation of each assessment starts, milliseconds since the epoch. */
async function assessmentStarts(path: string): Promise<ReadonlyMap<string, number>> {
  const { header, rows } = await openTable(openFile(path).chunks, path, rowBytesMax)
  const columns = columnsOf(path, header.columns, ['id_assessment', 'code_presentation'])
  const starts = new Map<string, number>()
  for await (const found of rows) {
    for (const { cells } of found) {
      const [assessment = '', presentation = ''] = columns.map((index) => cells?.[index])
      const startMs = presentationStartMs(presentation)
      if (startMs !== null) starts.set(assessment, startMs)
    }
  }
  return starts
}

/** `2013B` starts in February, `2013J` in October. */
export function presentationStartMs(code: string): number | null {
  const match = /^(\d{4})([BJ])$/.exec(code)
  if (match === null) return null
  return Date.UTC(Number(match[1]), match[2] === 'B' ? 1 : 9, 1)
}

export function columnsOf(
  path: string,
  header: readonly string[],
  names: readonly string[],
): readonly number[] {
  const missing = names.filter((name) => !header.includes(name))
  if (missing.length > 0) {
    const found = `its columns are ${header.join(', ')}`
    throw new TidemarkError(
      'SOURCE_UNREADABLE',
      `${path}: no column ${missing.join(', ')}; ${found}`,
    )
  }
  return names.map((name) => header.indexOf(name))
}

function recordOf(
  row: TableRow,
  columns: readonly number[],
  startOf: ReadonlyMap<string, number>,
  path: string,
): IngestRecord {
  return {
    content: contentOf(row, columns, startOf),
    location: `${path}:${row.line}`,
    original: { format: 'bytes', value: row.bytes, key: null },
  }
}

function contentOf(
  { cells, fault }: TableRow,
  columns: readonly number[],
  startOf: ReadonlyMap<string, number>,
): Content {
  if (cells === null) return refused('', fault)
  const [assessment = '', student = '', day = '', score = ''] = columns.map((index) => cells[index])
  const startMs = startOf.get(assessment)
  if (startMs === undefined) {
    return refused('exam', `assessment ${JSON.stringify(assessment)} is not in assessments`)
  }
  const days = isMissing(day) ? 0 : Number(day)
  if (!Number.isInteger(days))
    return refused('timestamp', `date_submitted is ${day}; expected days`)
  return {
    form: 'json',
    json: {
      exam: Number(assessment),
      studentId: student,
      // Text that is no number is kept: the schema's refusal then shows it.
      score: isMissing(score) ? null : Number.isNaN(Number(score)) ? score : Number(score),
      event_id: student === '' ? null : `oulad/${assessment}/${student}`,
      timestamp: startMs + days * dayMs,
    },
  }
}

function isMissing(cell: string): boolean {
  return cell === '' || cell === '?'
}

function refused(path: string, reason: string): Content {
  return { form: 'unreadable', code: 'SCHEMA_REFUSED', faults: [{ path, reason }] }
}
