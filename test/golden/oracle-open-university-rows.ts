/** OULAD's rows for the oracle: which version of a row counts, what is good, what its cells mean. Imports nothing from
 * the product. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export type Cell = string | number | null
export type Row = Record<string, Cell | boolean>
/** A row as a topic has it; `at` is the record's time. */
export interface TableEvent {
  readonly topic: string
  readonly value: Readonly<Record<string, string | null>>
  readonly at: number
}
export type Tables = Record<string, Row[]>

type Kind = 'text' | 'id' | 'whole' | 'day' | 'real'
export interface Table {
  readonly file: string
  readonly columns: Readonly<Record<string, Kind>>
  readonly needed: readonly string[]
  readonly identity: readonly string[]
}

export const enrolment = ['code_module', 'code_presentation', 'id_student']
const text = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'text']))
export const tables: Readonly<Record<string, Table>> = {
  courses: {
    file: 'courses',
    columns: {
      ...text('code_module', 'code_presentation'),
      module_presentation_length: 'whole',
    },
    needed: ['code_module', 'code_presentation'],
    identity: ['code_module', 'code_presentation'],
  },
  assessments: {
    file: 'assessments',
    columns: {
      ...text('code_module', 'code_presentation'),
      id_assessment: 'id',
      assessment_type: 'text',
      date: 'day',
      weight: 'real',
    },
    needed: ['code_module', 'code_presentation', 'id_assessment'],
    identity: ['id_assessment'],
  },
  vle: {
    file: 'vle',
    columns: {
      id_site: 'id',
      ...text('code_module', 'code_presentation', 'activity_type'),
      week_from: 'whole',
      week_to: 'whole',
    },
    needed: ['id_site', 'code_module', 'code_presentation'],
    identity: ['id_site'],
  },
  student_info: {
    file: 'studentInfo',
    columns: {
      ...text('code_module', 'code_presentation'),
      id_student: 'id',
      ...text('gender', 'region', 'highest_education', 'imd_band', 'age_band'),
      num_of_prev_attempts: 'whole',
      studied_credits: 'whole',
      ...text('disability', 'final_result'),
    },
    needed: enrolment,
    identity: enrolment,
  },
  student_registration: {
    file: 'studentRegistration',
    columns: {
      ...text('code_module', 'code_presentation'),
      id_student: 'id',
      date_registration: 'day',
      date_unregistration: 'day',
    },
    needed: enrolment,
    identity: enrolment,
  },
  student_assessment: {
    file: 'studentAssessment',
    columns: {
      id_assessment: 'id',
      id_student: 'id',
      date_submitted: 'day',
      is_banked: 'whole',
      score: 'real',
    },
    needed: ['id_assessment', 'id_student'],
    identity: ['id_assessment', 'id_student'],
  },
  student_vle: {
    file: 'studentVle',
    columns: {
      event_id: 'text',
      ...text('code_module', 'code_presentation'),
      id_student: 'id',
      id_site: 'id',
      date: 'day',
      sum_click: 'whole',
    },
    needed: ['event_id', ...enrolment, 'id_site', 'date'],
    identity: ['id_student', 'event_id'],
  },
}

interface Version {
  readonly at: number
  /** Null: of no file. */
  readonly file: string | null
  readonly row: number
  readonly content: string
  readonly cells: readonly (string | null)[]
}

/** Of each row one version. A file speaks with the greatest of its rows, and came when the last of them came; of files,
 * and versions of no file, the latest counts. Where that is equal the later version, then the greater content, as JSON. */
export function latest(
  table: Table,
  received: readonly TableEvent[],
): Record<string, string | null>[] {
  const columns = [...Object.keys(table.columns), '_source_file']
  const kept = Map.groupBy(received, ({ value }) =>
    JSON.stringify(table.identity.map((column) => value[column])),
  )
  return [...kept.values()].map((events) => {
    const versions = events.map((event) => versionOf(event, columns))
    const files = Map.groupBy(versions, ({ file }) => file)
    const none = files.get(null) ?? []
    files.delete(null)
    const spoken = [...files.values()].map((rows) => ({
      ...greatest(rows, ({ row, at, content }) => [row, at, content]),
      at: Math.max(...rows.map(({ at }) => at)),
    }))
    const { cells } = greatest([...none, ...spoken], ({ at, content }) => [at, content])
    return Object.fromEntries(columns.map((column, index) => [column, cells[index]!]))
  })
}

function versionOf({ value, at }: TableEvent, columns: readonly string[]): Version {
  const cells = columns.map((column) => value[column] ?? null)
  const content = JSON.stringify(cells)
  const [, file = null, row = '0'] = /^([^:]+):(\d{1,15})$/.exec(value['_source_row'] ?? '') ?? []
  return { at, file, row: Number(row), content, cells }
}

/** Compared part by part. */
function greatest<T>(items: readonly T[], partsOf: (item: T) => (string | number)[]): T {
  return items.reduce((most, item) => {
    const [known, parts] = [partsOf(most), partsOf(item)]
    const at = parts.findIndex((part, index) => part !== known[index])
    return at >= 0 && parts[at]! > known[at]! ? item : most
  })
}

function isMissing(cell: string | null | undefined): cell is null | undefined | '' | '?' {
  return cell === null || cell === undefined || cell === '' || cell === '?'
}

export function isGood(table: Table, value: TableEvent['value']): boolean {
  return Object.entries(table.columns).every(([column, kind]) => {
    const cell = value[column]
    if (isMissing(cell)) return !table.needed.includes(column)
    if (column === 'code_presentation') return startOf(cell) !== null
    if (kind === 'text') return true
    return isGoodNumber(column, kind, cell)
  })
}

function isGoodNumber(column: string, kind: Kind, cell: string): boolean {
  const number = Number(cell)
  if (kind === 'real') return /^(0|[1-9]\d{0,14})(\.\d+)?$|^-0(\.0+)?$/.test(cell)
  // Weeks may be before the start; other whole numbers that are no days may not be negative.
  const mayBeNegative = kind === 'day' || column.startsWith('week_')
  if (!/^-?\d{1,15}$/.test(cell) || String(number) !== cell) return false
  if (number < 0 && !mayBeNegative) return false
  if (kind === 'day') return Math.abs(number) <= 10_000
  return kind === 'id' || Math.abs(number) < 2 ** 31
}

export function cleaned(table: Table, value: Record<string, string | null>): Row {
  const row: Row = { _source_file: isMissing(value['_source_file']) ? null : value['_source_file'] }
  for (const [column, kind] of Object.entries(table.columns)) {
    const cell = value[column]
    row[column] = isMissing(cell) ? null : kind === 'text' ? cell : Number(cell)
  }
  return row
}

export function daysOf(table: Table, value: Readonly<Record<string, string | null>>): number[] {
  return Object.entries(table.columns).flatMap(([column, kind]) => {
    const cell = value[column]
    if (kind !== 'day' || isMissing(cell) || !isGoodNumber(column, kind, cell)) return []
    return [Number(cell)]
  })
}

/** Of the greatest of its days; the epoch where it does not say its presentation. */
export function timeOf(table: Table, value: Readonly<Record<string, string | null>>): number {
  const days = daysOf(table, value)
  return timeOfDay(value['code_presentation'] ?? '', days.length > 0 ? Math.max(...days) : 0)
}

export function timeOfDay(presentation: string, day: number): number {
  const start = startOf(presentation)
  return start === null ? 0 : Math.max(0, Date.UTC(start.year, start.month - 1, 1 + day))
}

export function startOf(presentation: string): { year: number; month: number } | null {
  if (!/^\d\d\d\d[ABCDEFGHIJKL]$/.test(presentation)) return null
  return {
    year: Number(presentation.slice(0, 4)),
    month: 'ABCDEFGHIJKL'.indexOf(presentation[4]!) + 1,
  }
}

export const idOf = (row: Row) =>
  JSON.stringify([row['code_module'], row['code_presentation'], row['id_student']])

export function byId(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [idOf(row), row]))
}

/** All rows of a directory's files as the importer gives them, but for the ids of clicks: here the row's number. */
export function ouladEvents(directory: string): TableEvent[] {
  return Object.entries(tables).flatMap(([topic, { file }]) =>
    readdirSync(directory)
      .filter((name) => name.startsWith(`${file}.`))
      .flatMap((name) => fileEvents(topic, join(directory, name), name)),
  )
}

function fileEvents(topic: string, path: string, name: string): TableEvent[] {
  const bytes = readFileSync(path)
  const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split(/\r?\n/)
  const [header = [], ...rows] = lines.filter((line) => line !== '').map(cellsOf)
  const source = name.replace(/\.csv(\.gz)?$/, '')
  return rows.map((cells, index) => ({
    topic,
    at: 0,
    value: {
      ...Object.fromEntries(header.map((column, at) => [column, cells[at] ?? null])),
      ...(topic === 'student_vle' ? { event_id: `${name}:${index + 1}` } : {}),
      _source_file: source,
    },
  }))
}

function cellsOf(line: string): string[] {
  return line.replaceAll('"', '').split(',')
}
