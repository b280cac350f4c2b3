/** A well-formed event of every source topic, and the same with extreme numbers in it. */
import { shippedRule } from '../../src/processors/open-university/shipped-rule.test-support.ts'
import {
  attempt,
  session,
  training,
} from '../../src/processors/adaptive-learning/feed.test-support.ts'
import { loadFileSchema } from '../../src/quality/file-schema.ts'

export type Event = Readonly<Record<string, unknown>>

const timeMs = 1_700_000_000_000
const presentation = { code_module: 'AAA', code_presentation: '2013J' }

/** By topic. @param mark names the event: it stands in a row of each event that has one
 * @param number another for each event */
export const validEvents: Readonly<Record<string, (mark: string, number: number) => Event>> = {
  'user.attempts': (mark) => ({ ...attempt({ attempt_id: mark, timestamp: timeMs }) }),
  'user.sessions': (mark) => ({
    ...session({ session_id: mark, start_time: timeMs, end_time: timeMs + 600_000 }),
  }),
  'ml.training': (mark) => ({ ...training({ training_id: mark, timestamp: timeMs }) }),
  exam_score: (mark) => ({
    exam: 1,
    studentId: 'ann',
    score: 0.5,
    event_id: mark,
    timestamp: timeMs,
    event_type: 'score',
  }),
  student_performance: (mark) => ({
    file_hash: mark,
    batch: 0,
    row_number: [1],
    ...columnsOfOneStudent(),
    dropped_at: timeMs,
    file: {
      file_name: mark,
      bytes: 100,
      batches: 1,
      rows_read: 1,
      rows_removed: 0,
      findings: [{ check: 'rows', column: '', rows: 1, detail: '' }],
    },
  }),
  students: (mark) => ({ student_id: mark, student_name: null, email: null, created_at: timeMs }),
  teachers: (mark) => ({ teacher_id: mark, teacher_name: null, email: null, department: null }),
  tests: (mark) => ({
    test_id: mark,
    teacher_id: null,
    test_name: null,
    created_at: timeMs,
    total_questions: 3,
  }),
  questions: (mark) => ({
    question_id: mark,
    test_id: 't1',
    correct_option: 'A',
    question_text: null,
  }),
  sessions: (mark) => ({
    session_id: mark,
    student_id: mark,
    test_id: 't1',
    expiry_time: timeMs + 600_000,
    timestamp: timeMs,
  }),
  answers: (mark) => ({
    answer_id: mark,
    student_id: mark,
    question_id: 'q1',
    test_id: 't1',
    session_id: null,
    submitted_option: 'A',
    timestamp: timeMs,
  }),
  // Each is of a student whose session is known, so that it has a duration.
  submissions: (mark) => ({
    student_id: mark,
    test_id: 't1',
    submit_time: timeMs + 1000,
    completion_status: 'completed',
  }),
  courses: (mark) => ({ ...presentation, module_presentation_length: '268', _source_file: mark }),
  assessments: (mark, number) => ({
    ...presentation,
    id_assessment: `${number}`,
    assessment_type: 'TMA',
    date: '19',
    weight: '10',
    _source_file: mark,
  }),
  vle: (mark, number) => ({
    id_site: `${number}`,
    ...presentation,
    activity_type: 'resource',
    week_from: '1',
    week_to: '2',
    _source_file: mark,
  }),
  student_info: (mark, number) => ({
    ...presentation,
    id_student: `${number}`,
    gender: 'F',
    region: 'Wales',
    highest_education: null,
    imd_band: null,
    age_band: null,
    num_of_prev_attempts: '0',
    studied_credits: '60',
    disability: 'N',
    final_result: 'Pass',
    _source_file: mark,
  }),
  student_registration: (mark, number) => ({
    ...presentation,
    id_student: `${number}`,
    date_registration: '-30',
    date_unregistration: '12',
    _source_file: mark,
  }),
  student_assessment: (mark, number) => ({
    id_assessment: '1',
    id_student: `${number}`,
    date_submitted: '18',
    is_banked: '0',
    score: '78',
    _source_file: mark,
  }),
  student_vle: (mark, number) => ({
    event_id: mark,
    ...presentation,
    id_student: `${number}`,
    id_site: '1',
    date: '10',
    sum_click: '4',
    _source_file: mark,
  }),
  at_risk_rules: (mark) => ({
    code_module: mark,
    ...shippedRule,
  }),
}

function columnsOfOneStudent(): Event {
  const { fields } = loadFileSchema('student-performance')
  return Object.fromEntries(
    fields.map((field) => {
      const code = field.type === 'whole' ? field.range[0] : 0
      return [field.name, String.fromCharCode(code)]
    }),
  )
}

const longMax = Number.MAX_SAFE_INTEGER
const microseconds = 1_760_000_001_000_000
/** 99999-12-31, and the day after the last that a column holds. */
const beyondMs = [3_093_527_980_800_000, Date.UTC(2286, 0, 1), Date.UTC(1899, 11, 31)]
const numbers = [longMax, -longMax, microseconds, -1, 0, 2 ** 31 - 1, -(2 ** 31), ...beyondMs]
const doubles = [1.7e308, -1.7e308, 5e-324]
const texts = [...numbers, ...doubles].map(String).concat('999999999999999', '9999A', '0000A')

interface Field {
  readonly name: string
  readonly type: unknown
}

/** The event with an extreme in one field of a number, and in numbers within its maps, arrays and records. Rows of
 * OULAD are text: of these, in every field but its mark. */
export function hostileEvents(
  schema: object,
  valid: (mark: string, number: number) => Event,
): readonly ((mark: string, number: number) => Event)[] {
  const { fields } = schema as { readonly fields: readonly Field[] }
  const isText = fields.some(({ name }) => name === '_source_file')
  return fields.flatMap(({ name, type }) => {
    if (isText) {
      if (name === '_source_file' || name === 'event_id') return []
      return texts.map((extreme) => (mark: string, number: number) => ({
        ...valid(mark, number),
        [name]: extreme,
      }))
    }
    const given = valid('', 0)[name]
    return extremesOf(type, given).map((extreme) => (mark: string, number: number) => ({
      ...valid(mark, number),
      [name]: withName(extreme, mark),
    }))
  })
}

/** Values of the type with one extreme number in it. */
function extremesOf(type: unknown, given: unknown): readonly unknown[] {
  if (Array.isArray(type)) return type.flatMap((branch) => extremesOf(branch, given))
  if (typeof type === 'string') {
    return ['int', 'long', 'double'].includes(type) ? [...numbers, ...doubles] : []
  }
  const { type: kind, ...inner } = type as {
    readonly type: unknown
    readonly items?: unknown
    readonly values?: unknown
    readonly fields?: readonly Field[]
  }
  if (kind === 'array') {
    const [first] = given as readonly unknown[]
    return extremesOf(inner.items, first).map((extreme) => [extreme])
  }
  if (kind === 'map') {
    return extremesOf(inner.values, null).map((extreme) => ({ algebra: extreme, known: extreme }))
  }
  if (kind === 'record') {
    const record = given as Event
    return (inner.fields ?? []).flatMap((field) =>
      extremesOf(field.type, record[field.name]).map((extreme) => ({
        ...record,
        [field.name]: extreme,
      })),
    )
  }
  return extremesOf(kind, given)
}

function withName(extreme: unknown, mark: string): unknown {
  const isFile = typeof extreme === 'object' && extreme !== null && 'file_name' in extreme
  return isFile ? { ...extreme, file_name: mark } : extreme
}
