/**
 * OULAD's seven tables, column by column: what their topics carry, and what `raw_*` and `clean_*` hold of it.
 * Source: Kuzilek, Hlosta and Zdrahal, "Open University Learning Analytics dataset", 2017.
 */
import { defineFactTable, type FactMetadata } from './define.ts'

export interface Column {
  readonly name: string
  readonly kind: 'text' | 'integer' | 'number'
  /** A row without it is refused. */
  readonly isRequired?: boolean
  /** A row with less is refused. */
  readonly least?: number
  /** True: counts days from the start of the presentation. */
  readonly isDay?: boolean
}

export interface TableSpec {
  /** Of its topic. */
  readonly name: string
  /** Of its file, without its extension. */
  readonly file: string
  /** As the file has them. */
  readonly columns: readonly Column[]
  /** What makes a row the same row. */
  readonly identity: readonly string[]
  /** What its records are partitioned by: rows of one student lie in one partition. */
  readonly topicKey: readonly string[]
}

/** A row as a producer or file has it: text, missing values included. */
export type RawValues = Readonly<Record<string, string | null>>
/** A row with types; null where a value is missing. */
export type CleanValues = Readonly<Record<string, string | number | null>>

const text = (name: string): Column => ({ name, kind: 'text' })
const integer = (name: string, least?: number): Column => ({
  name,
  kind: 'integer',
  ...(least === undefined ? {} : { least }),
})
const day = (name: string): Column => ({ name, kind: 'integer', isDay: true })
const required = (column: Column): Column => ({ ...column, isRequired: true })

const module = required(text('code_module'))
const presentation = required(text('code_presentation'))
const student = required(integer('id_student', 0))

/** The name of the file that a row came from, without its extension; every table has it last. */
export const sourceFileColumn = text('_source_file')

/** Of the topics whose rows have a natural key: hash of the file's content, `:`, number of the row. Which of two lines of a
 * key counts follows from it; no table has it. */
export const sourceRowField = '_source_row'

const courses: TableSpec = {
  name: 'courses',
  file: 'courses',
  columns: [module, presentation, integer('module_presentation_length', 0)],
  identity: ['code_module', 'code_presentation'],
  topicKey: ['code_module', 'code_presentation'],
}

const assessments: TableSpec = {
  name: 'assessments',
  file: 'assessments',
  columns: [
    module,
    presentation,
    required(integer('id_assessment', 0)),
    text('assessment_type'),
    day('date'),
    { name: 'weight', kind: 'number', least: 0 },
  ],
  identity: ['id_assessment'],
  topicKey: ['id_assessment'],
}

const vle: TableSpec = {
  name: 'vle',
  file: 'vle',
  columns: [
    required(integer('id_site', 0)),
    module,
    presentation,
    text('activity_type'),
    integer('week_from'),
    integer('week_to'),
  ],
  identity: ['id_site'],
  topicKey: ['id_site'],
}

const studentInfo: TableSpec = {
  name: 'student_info',
  file: 'studentInfo',
  columns: [
    module,
    presentation,
    student,
    text('gender'),
    text('region'),
    text('highest_education'),
    text('imd_band'),
    text('age_band'),
    integer('num_of_prev_attempts', 0),
    integer('studied_credits', 0),
    text('disability'),
    text('final_result'),
  ],
  identity: ['code_module', 'code_presentation', 'id_student'],
  topicKey: ['id_student'],
}

const studentRegistration: TableSpec = {
  name: 'student_registration',
  file: 'studentRegistration',
  columns: [module, presentation, student, day('date_registration'), day('date_unregistration')],
  identity: ['code_module', 'code_presentation', 'id_student'],
  topicKey: ['id_student'],
}

const studentAssessment: TableSpec = {
  name: 'student_assessment',
  file: 'studentAssessment',
  columns: [
    required(integer('id_assessment', 0)),
    student,
    day('date_submitted'),
    integer('is_banked', 0),
    { name: 'score', kind: 'number', least: 0 },
  ],
  identity: ['id_assessment', 'id_student'],
  topicKey: ['id_student'],
}

/** Rows repeat and each counts, so a row is the same by its event's id alone. */
const studentVle: TableSpec = {
  name: 'student_vle',
  file: 'studentVle',
  columns: [
    module,
    presentation,
    student,
    required(integer('id_site', 0)),
    required(day('date')),
    integer('sum_click', 0),
  ],
  identity: ['id_student', 'event_id'],
  topicKey: ['id_student'],
}

export const tableSpecs = {
  courses,
  assessments,
  vle,
  studentInfo,
  studentRegistration,
  studentAssessment,
  studentVle,
} as const

/** Of the raw and clean rows and of the topic's values, in order. */
export function columnsOf(spec: TableSpec): readonly Column[] {
  const identified = spec.identity.includes('event_id') ? [required(text('event_id'))] : []
  return [...identified, ...spec.columns, sourceFileColumn]
}

type RowKey = readonly (string | number)[]

/** Fact rows are records of columns; these tables' columns are named in their specs. */
interface AnyRow extends FactMetadata {
  readonly [column: string]: string | number | null
}

const database = 'open_university'
const raw = (spec: TableSpec) =>
  defineFactTable<RowKey, AnyRow>(database, `raw_${spec.name}`, spec.identity)
const clean = (spec: TableSpec) =>
  defineFactTable<RowKey, AnyRow>(database, `clean_${spec.name}`, spec.identity)

export const rawTables = {
  courses: raw(courses),
  assessments: raw(assessments),
  vle: raw(vle),
  studentInfo: raw(studentInfo),
  studentRegistration: raw(studentRegistration),
  studentAssessment: raw(studentAssessment),
  studentVle: raw(studentVle),
}

export const cleanTables = {
  courses: clean(courses),
  assessments: clean(assessments),
  vle: clean(vle),
  studentInfo: clean(studentInfo),
  studentRegistration: clean(studentRegistration),
  studentAssessment: clean(studentAssessment),
  studentVle: clean(studentVle),
}
