/** Small worlds of OULAD: versions of rows, repeated clicks, missing and bad cells, results of unknown assessments. */
import fc from 'fast-check'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000

const sourceFile = fc.constantFrom(null, 'a', 'b')
/** Which row of which content; the last is none. */
const sourceRow = fc.constantFrom(null, null, 'f:1', 'f:2', 'f:10', 'g:1', 'g:2', 'h:1', 'h:2', 'f')
const module = fc.constantFrom('AAA', 'AAA', 'AAA', 'BBB', null)
const presentation = fc.constantFrom('2013J', '2013J', '2013J', '2014B', '2013Z', '')
const student = fc.constantFrom('1', '1', '2', '3', '07')
const assessment = fc.constantFrom('10', '10', '11', 'x')
const site = fc.constantFrom('5', '5', '6', '?')
const day = fc.constantFrom('0', '-3', '7', '13', '14', '20', '', '?', 'soon', '10001', null)
const number = fc.constantFrom('0', '1', '3', '100', '', '?', '-1', '1.5', null)
const text = fc.constantFrom('M', 'F', '', '?', null)

type Cells = Record<string, fc.Arbitrary<string | null>>

function rows(topic: string, cells: Cells): fc.Arbitrary<SourceEvent> {
  // Clicks have it in their identity.
  const ofRow = topic === 'student_vle' ? {} : { _source_row: sourceRow }
  return fc
    .record({
      value: fc.record({ ...cells, ...ofRow, _source_file: sourceFile }),
      timestampMs: fc.integer({ min: 0, max: 4 }).map((step) => baseMs + step * 1000),
    })
    .map(({ value, timestampMs }) => ({ topic, value, timestampMs }))
}

const ofPresentation = { code_module: module, code_presentation: presentation }
const named = {
  code_module: fc.constantFrom('AAA', 'AAA', 'BBB'),
  code_presentation: fc.constantFrom('2013J', '2013J', '2014B', '2013Z'),
}

const courses = rows('courses', { ...named, module_presentation_length: number })
const assessments = rows('assessments', {
  ...ofPresentation,
  id_assessment: assessment,
  assessment_type: text,
  date: day,
  weight: number,
})
const vle = rows('vle', {
  ...ofPresentation,
  id_site: site,
  activity_type: text,
  week_from: number,
  week_to: number,
})
const info = rows('student_info', {
  ...named,
  id_student: student,
  gender: text,
  region: text,
  highest_education: text,
  imd_band: text,
  age_band: text,
  num_of_prev_attempts: number,
  studied_credits: number,
  disability: text,
  final_result: fc.constantFrom('Pass', 'Fail', 'Distinction', 'Withdrawn', '', 'other'),
})
const registrations = rows('student_registration', {
  ...named,
  id_student: student,
  date_registration: day,
  date_unregistration: day,
})
const results = rows('student_assessment', {
  id_assessment: assessment,
  id_student: student,
  date_submitted: day,
  is_banked: fc.constantFrom('0', '0', '1', '?', null),
  score: fc.constantFrom('78', '40', '39.5', '0.1', '0.2', '101', '', '-3', null),
})
const clicks = rows('student_vle', {
  event_id: fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5', '?'),
  ...ofPresentation,
  id_student: student,
  id_site: site,
  date: day,
  sum_click: fc.constantFrom('0', '1', '3', '100', '', '-1', null),
})

/** Nothing wrong with them, so that many meet in one day, week or version. */
const goodClicks = rows('student_vle', {
  event_id: fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7'),
  code_module: fc.constant('AAA'),
  code_presentation: fc.constantFrom('2013J', '2013J', '2014B'),
  id_student: fc.constantFrom('1', '1', '2'),
  id_site: fc.constantFrom('5', '6'),
  date: fc.constantFrom('-3', '0', '7', '13', '14', '20'),
  sum_click: fc.constantFrom('0', '1', '3', '?'),
})
const goodResults = rows('student_assessment', {
  id_assessment: fc.constantFrom('10', '11', '12'),
  id_student: fc.constantFrom('1', '2'),
  date_submitted: fc.constantFrom('0', '7', '20', '?'),
  is_banked: fc.constantFrom('0', '0', '1'),
  score: fc.constantFrom('78', '40', '39.5', '0.1', '0.2', ''),
})
const goodAssessments = rows('assessments', {
  code_module: fc.constant('AAA'),
  code_presentation: fc.constantFrom('2013J', '2013J', '2014B'),
  id_assessment: fc.constantFrom('10', '11', '12'),
  assessment_type: fc.constantFrom('TMA', 'Exam'),
  date: fc.constantFrom('0', '13', ''),
  weight: fc.constantFrom('0', '7.5', '100'),
})

/** Two and two at one moment, as lines of a file, of which the later one counts: row 10 after row 9. The last cannot be
 * computed with. */
const rules = fc
  .record({ code_module: fc.constantFrom('', 'AAA'), step: fc.nat({ max: 3 }) })
  .map(({ code_module, step }): SourceEvent => {
    const weights = {
      weight_inactivity: 35 + step,
      weight_missing: 30,
      weight_late: 0,
      weight_score: 15.5,
      weight_attempts: 10,
      inactivity_days_full: step === 3 ? 0 : 28,
      score_enough: 60,
      attempts_full: 3,
      medium_from: 30,
      high_from: 60,
    }
    const value = { code_module, ...weights, _source_row: `f:${step % 2 === 0 ? 9 : 10}` }
    return { topic: 'at_risk_rules', value, timestampMs: baseMs + Math.floor(step / 2) * 1000 }
  })

/** Mostly rows of students. */
export const openUniversityEvents: fc.Arbitrary<SourceEvent[]> = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: courses },
    { weight: 2, arbitrary: assessments },
    { weight: 2, arbitrary: goodAssessments },
    { weight: 1, arbitrary: vle },
    { weight: 3, arbitrary: info },
    { weight: 3, arbitrary: registrations },
    { weight: 2, arbitrary: results },
    { weight: 4, arbitrary: goodResults },
    { weight: 2, arbitrary: clicks },
    { weight: 8, arbitrary: goodClicks },
    { weight: 1, arbitrary: rules },
  ),
  { minLength: 1, maxLength: 30 },
)

export function isReferenceData({ topic }: SourceEvent): boolean {
  return ['courses', 'assessments', 'vle'].includes(topic)
}
