/** The questions about OULAD, over one presentation of five students that can be worked out by hand. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AskedInstance, at } from './asked-instance.ts'

const of = { code_module: 'AAA', code_presentation: '2014J' }
const aLevel = 'A Level or Equivalent'
const degree = 'HE Qualification'

function students() {
  return [
    // Who, gender, education, earlier attempts, how it ended, and the day of unregistration.
    ['1', 'F', aLevel, '0', 'Pass', ''],
    ['2', 'M', aLevel, '0', 'Withdrawn', ''],
    ['3', 'M', degree, '0', 'Withdrawn', '20'],
    ['4', 'M', aLevel, '1', 'Fail', ''],
    ['5', 'F', degree, '0', 'Withdrawn', '-5'],
  ].map(([id_student, gender, education, attempts, final_result, left]) => ({
    info: {
      ...{ ...of, id_student, gender, final_result, highest_education: education },
      ...{ region: 'Wales', imd_band: '', age_band: '0-35', disability: 'N' },
      ...{ num_of_prev_attempts: attempts, studied_credits: '60' },
    },
    registration: { ...of, id_student, date_registration: '-10', date_unregistration: left },
  }))
}

/** Somebody’s clicks on a page on a day. */
function clicks(student: string, site: string, date: string, sum_click: string) {
  return {
    ...of,
    event_id: `${student} ${date}`,
    id_student: student,
    id_site: site,
    date,
    sum_click,
  }
}

function handedIn(assessment: string, student: string, day: string, score: string, banked = '0') {
  const what = { id_assessment: assessment, id_student: student, score, is_banked: banked }
  return { ...what, date_submitted: day }
}

const due = { ...of, assessment_type: 'TMA', weight: '50' }
const unknown = { code_module: 'CCC', code_presentation: '2013B' }
const rows: Readonly<Record<string, readonly object[]>> = {
  student_vle: [
    // Page 3 is described nowhere. Day 40 is the latest of anyone.
    ...[clicks('1', '1', '0', '3'), clicks('1', '2', '40', '5')],
    ...[clicks('2', '1', '6', '2'), clicks('3', '3', '8', '4')],
  ],
  student_assessment: [
    ...[handedIn('11', '1', '9', '80'), handedIn('12', '1', '35', '60')],
    handedIn('11', '2', '-1', '50', '1'),
    // Described nowhere.
    handedIn('99', '4', '5', '70'),
  ],
  student_info: students().map(({ info }) => info),
  student_registration: students().map(({ registration }) => registration),
  assessments: [
    { ...due, id_assessment: '11', date: '10' },
    { ...due, id_assessment: '12', date: '30' },
  ],
  vle: [
    { ...of, id_site: '1', activity_type: 'forum', week_from: '', week_to: '' },
    { ...of, id_site: '2', activity_type: 'quiz', week_from: '', week_to: '' },
    // Of a presentation that is described nowhere.
    { ...unknown, id_site: '7', activity_type: 'url', week_from: '', week_to: '' },
  ],
  courses: [{ ...of, module_presentation_length: '100' }],
}

describe('of a presentation', () => {
  let instance: AskedInstance
  before(async () => {
    instance = await AskedInstance.open(['open-university'], at('2015-03-01T00:00:00Z'))
    for (const [topic, events] of Object.entries(rows)) {
      await instance.tell(topic, ...(events as readonly Readonly<Record<string, unknown>>[]))
    }
  })
  after(() => instance.stop())

  test('weekly-engagement: who was active in which week, and how much', async () => {
    const week = (week: number, active_students: number, active_days: number, sum: number) => ({
      ...{ code_presentation: '2014J', week, active_students, active_days, sum_click: sum },
    })
    assert.deepEqual(await instance.answer('weekly-engagement', { module: 'AAA' }), [
      ...[week(0, 2, 2, 5), week(1, 1, 1, 4), week(5, 1, 1, 5)],
    ])
    assert.deepEqual(await instance.answer('weekly-engagement', { module: 'BBB' }), [])
  })

  test('clicks-by-activity: clicks and students by kind of page, those of no known page too', async () => {
    assert.deepEqual(await instance.answer('clicks-by-activity'), [
      { ...of, activity: 'forum', sum_click: 5, students: 2 },
      { ...of, activity: 'quiz', sum_click: 5, students: 1 },
      { ...of, activity: 'unknown', sum_click: 4, students: 1 },
    ])
  })

  test('enrolment-funnel: how many came how far', async () => {
    assert.deepEqual(await instance.answer('enrolment-funnel'), [
      {
        ...{ ...of, enrolments: 5, registered: 5, unregistered_before_start: 1, active: 3 },
        ...{ submitted: 1, passed: 1, distinctions: 0, failed: 1, withdrawn: 3 },
        ...{ withdrawn_dated: 2, withdrawn_undated: 1, completion_rate: 0.2 },
      },
    ])
  })

  test('engagement-by-gender: clicks and scores of each gender', async () => {
    const gender = (gender: string, counts: object) => ({ ...of, gender, ...counts })
    assert.deepEqual(await instance.answer('engagement-by-gender'), [
      gender('F', { students: 2, active_students: 1, sum_click: 8, ...means(4, 70) }),
      gender('M', { students: 3, active_students: 2, sum_click: 6, ...means(2, 50) }),
    ])
  })

  test('engagement-by-attribute: the same by an attribute of one’s choice, over all presentations', async () => {
    const value = (attribute_value: string, counts: readonly number[]) => {
      const [students, active_students, sum_click, passed, withdrawn] = counts
      const clicks_per_student = Number(sum_click) / Number(students)
      const own = { students, active_students, sum_click, clicks_per_student }
      return { attribute_value, ...own, passed, withdrawn }
    }
    const answer = await instance.answer('engagement-by-attribute', { attribute: 'final_result' })
    assert.deepEqual(answer, [
      value('Fail', [1, 0, 0, 0, 0]),
      value('Pass', [1, 1, 8, 1, 0]),
      value('Withdrawn', [3, 2, 6, 0, 3]),
    ])
  })

  test('withdrawals: what share withdraws by education, and of how many nobody knows when', async () => {
    assert.deepEqual(await instance.answer('withdrawals'), [
      { ...education(degree, 2), withdrawn: 2, undated: 0, withdrawal_rate: 1 },
      { ...education(aLevel, 3), withdrawn: 1, undated: 1, withdrawal_rate: 1 / 3 },
    ])
  })

  test('submission-status: what is late or missing, but not of who has left before it was due', async () => {
    const assessment = (id_assessment: number, due: number, counts: object) => ({
      ...{ code_presentation: '2014J', id_assessment, type: 'TMA', due, ...counts },
    })
    assert.deepEqual(await instance.answer('submission-status', { module: 'AAA' }), [
      assessment(11, 10, { submitted: 1, late: 0, missing: 2, banked: 1 }),
      assessment(12, 30, { submitted: 0, late: 1, missing: 2, banked: 0 }),
    ])
  })

  test('students-at-risk: who is at risk and why, but not who has left', async () => {
    const params = { module: 'AAA', presentation: '2014J' }
    const [found, ...others] = await instance.answer('students-at-risk', params)
    assert.deepEqual(others, [])
    const { risk_score: score, points_attempts: attempts, ...rest } = found ?? {}
    assert.deepEqual(rest, {
      // Never there in 40 days, 28 of which are full; both assessments missing.
      ...{ id_student: 4, risk_level: 'high', points_inactivity: 35, points_missing: 30 },
      ...{ points_late: 0, points_score: 0, inactivity_streak_days: 40 },
      ...{ assessments_due: 2, assessments_missing: 2, submissions: 0, submissions_late: 0 },
      ...{ average_score: null, num_of_prev_attempts: 1 },
    })
    // One of three attempts, of 10 points.
    assert.ok(Math.abs(Number(attempts) - 10 / 3) < 1e-9, String(attempts))
    assert.ok(Math.abs(Number(score) - (65 + 10 / 3)) < 1e-9, String(score))
  })

  test('unknown-references: what rows name and no row describes', async () => {
    assert.deepEqual(await instance.answer('unknown-references'), [
      { source_table: 'student_assessment', missing: 'assessments', name: '99', rows: 1 },
      { source_table: 'student_vle', missing: 'vle', name: '3', rows: 1 },
      { source_table: 'vle', missing: 'courses', name: 'CCC 2013B', rows: 1 },
    ])
  })
})

function means(clicks_per_student: number, average_score: number) {
  return { clicks_per_student, average_score }
}

function education(highest_education: string, enrolments: number) {
  return { highest_education, enrolments }
}
