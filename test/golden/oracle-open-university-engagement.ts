/** The engagement and risk facts of the open-university topology, computed a second time from the clean rows. */
import { byId, idOf, timeOfDay, type Row, type Tables } from './oracle-open-university-rows.ts'

interface Enrolment {
  readonly of: { code_module: string; code_presentation: string; id_student: number }
  readonly info: Row | undefined
  readonly registration: Row | undefined
  readonly clicks: readonly Row[]
  /** Joined with their assessments. */
  readonly results: readonly Row[]
}

export function factsOf(facts: Tables): Tables {
  const all = enrolments(facts)
  return {
    student_engagement: all.map(studentEngagement),
    student_weekly_engagement: all.flatMap(studentWeeks),
    weekly_engagement: weeks(all),
    enrolment_funnel: funnels(all),
    engagement_by_attribute: attributeRows(all),
  }
}

function enrolments(facts: Tables): Enrolment[] {
  const info = byId(facts['clean_student_info']!)
  const registrations = byId(facts['clean_student_registration']!)
  const clicks = Map.groupBy(facts['clean_student_vle']!, idOf)
  const assessments = new Map(facts['clean_assessments']!.map((row) => [row['id_assessment'], row]))
  const results = Map.groupBy(
    facts['clean_student_assessment']!.flatMap((result) => {
      const of = assessments.get(result['id_assessment'])
      return of === undefined ? [] : [{ ...of, ...result, due: of['date']! }]
    }),
    idOf,
  )
  const ids = new Set([info, registrations, clicks, results].flatMap((each) => [...each.keys()]))
  return [...ids].map((id) => {
    const [code_module, code_presentation, id_student] = JSON.parse(id)
    return {
      of: { code_module, code_presentation, id_student },
      info: info.get(id),
      registration: registrations.get(id),
      clicks: clicks.get(id) ?? [],
      results: results.get(id) ?? [],
    }
  })
}

const sum = (rows: readonly Row[], column: string) =>
  rows.reduce((total, row) => total + Number(row[column] ?? 0), 0)

/** Days with at least one click, ascending. */
function activeDays(clicks: readonly Row[]): number[] {
  const days = Map.groupBy(clicks, (row) => row['date'] as number)
  return [...days]
    .filter(([, rows]) => sum(rows, 'sum_click') > 0)
    .map(([day]) => day)
    .sort((a, b) => a - b)
}

const isLate = (result: Row) =>
  result['due'] !== null &&
  result['date_submitted'] !== null &&
  (result['date_submitted'] as number) > (result['due'] as number)
const isBanked = (result: Row) => result['is_banked'] !== null && result['is_banked'] !== 0
const notBanked = (results: readonly Row[]) => results.filter((result) => !isBanked(result))
const scored = (results: readonly Row[]) => results.filter(({ score }) => score !== null)

function studentEngagement({ of, registration, clicks, results }: Enrolment): Row {
  const days = activeDays(clicks)
  const gaps = days.slice(1).map((day, index) => day - days[index]! - 1)
  // In the order of assessments, so that the sum is the same to the last bit.
  const scores = scored(results).toSorted(
    (a, b) => (a['id_assessment'] as number) - (b['id_assessment'] as number),
  )
  const own = notBanked(results)
  const named = [
    registration?.['date_registration'],
    registration?.['date_unregistration'],
    ...clicks.map((row) => row['date']),
    ...results.map((row) => row['date_submitted']),
  ].filter((day) => typeof day === 'number')
  return {
    ...of,
    sum_click: sum(clicks, 'sum_click'),
    active_days: days.length,
    first_active_day: days[0] ?? null,
    last_active_day: days.at(-1) ?? null,
    longest_inactivity_days: Math.max(0, ...gaps),
    submissions: own.length,
    submissions_late: own.filter(isLate).length,
    submissions_banked: results.length - own.length,
    average_score: scores.length === 0 ? null : sum(scores, 'score') / scores.length,
    event_time: timeOfDay(of.code_presentation, named.length > 0 ? greatest(named) : 0),
  }
}

function greatest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b))
}

const weekOf = (row: Row) => Math.floor((row['date'] as number) / 7)

function studentWeeks({ of, clicks }: Enrolment): Row[] {
  return [...Map.groupBy(clicks, weekOf)].map(([week, rows]) => ({
    ...of,
    week,
    active_days: activeDays(rows).length,
    sum_click: sum(rows, 'sum_click'),
    event_time: timeOfDay(of.code_presentation, greatest(rows.map((row) => row['date'] as number))),
  }))
}

function weeks(all: readonly Enrolment[]): Row[] {
  const rows = all.flatMap(studentWeeks)
  const ofWeek = (row: Row) =>
    JSON.stringify([row['code_module'], row['code_presentation'], row['week']])
  return [...Map.groupBy(rows, ofWeek).values()].map((students) => {
    const { code_module, code_presentation, week } = students[0]!
    return {
      code_module: code_module!,
      code_presentation: code_presentation!,
      week: week!,
      active_students: students.filter((row) => (row['active_days'] as number) > 0).length,
      active_days: sum(students, 'active_days'),
      sum_click: sum(students, 'sum_click'),
      event_time: greatest(students.map((row) => row['event_time'] as number)),
    }
  })
}

function byPresentation(all: readonly Enrolment[]): Enrolment[][] {
  const groups = Map.groupBy(all, ({ of }) =>
    JSON.stringify([of.code_module, of.code_presentation]),
  )
  return [...groups.values()]
}

function latestDay(students: readonly Enrolment[]): number | null {
  const days = students.flatMap(({ clicks }) => activeDays(clicks))
  return days.length === 0 ? null : greatest(days)
}

function funnels(all: readonly Enrolment[]): Row[] {
  return byPresentation(all).map((students) => {
    const { code_module, code_presentation } = students[0]!.of
    const count = (is: (student: Enrolment) => boolean) => students.filter(is).length
    const unregistered = ({ registration }: Enrolment) =>
      (registration?.['date_unregistration'] ?? null) as number | null
    const result = ({ info }: Enrolment) => info?.['final_result'] ?? null
    const withdrawn = students.filter((student) => result(student) === 'Withdrawn')
    const dated = withdrawn.filter((student) => unregistered(student) !== null).length
    const isEnrolled = ({ info, registration }: Enrolment) => Boolean(info ?? registration)
    const enrolled = count(isEnrolled)
    const passed = count((student) => result(student) === 'Pass')
    const distinctions = count((student) => result(student) === 'Distinction')
    const failed = count((student) => result(student) === 'Fail')
    const latest_day = latestDay(students)
    return {
      code_module,
      code_presentation,
      enrolments: enrolled,
      registered: count(({ registration }) => registration !== undefined),
      unregistered_before_start: count((student) => (unregistered(student) ?? 0) < 0),
      active: count((student) => isEnrolled(student) && activeDays(student.clicks).length > 0),
      submitted: count((student) => isEnrolled(student) && notBanked(student.results).length > 0),
      passed,
      distinctions,
      failed,
      withdrawn: withdrawn.length,
      withdrawn_dated: dated,
      withdrawn_undated: withdrawn.length - dated,
      without_result: enrolled - passed - distinctions - failed - withdrawn.length,
      completion_rate: enrolled === 0 ? null : (passed + distinctions) / enrolled,
      latest_day,
      event_time: timeOfDay(code_presentation, latest_day ?? 0),
    }
  })
}

const attributes = [
  'gender',
  'region',
  'highest_education',
  'imd_band',
  'age_band',
  'num_of_prev_attempts',
  'disability',
  'final_result',
]

function attributeRows(all: readonly Enrolment[]): Row[] {
  const described = all.filter(({ info }) => info !== undefined)
  return byPresentation(described).flatMap((presentation) =>
    attributes.flatMap((attribute) => {
      const valueOf = ({ info }: Enrolment) => String(info![attribute] ?? 'unknown')
      return [...Map.groupBy(presentation, valueOf)].map(([attribute_value, students]) => ({
        ...groupOf(students),
        attribute,
        attribute_value,
      }))
    }),
  )
}

function groupOf(students: readonly Enrolment[]): Row {
  const { code_module, code_presentation } = students[0]!.of
  const results = students.flatMap((student) => student.results)
  const own = notBanked(results)
  const scores = scored(results)
  const millionths = scores.reduce(
    (total, row) => total + Math.round(Number(row['score']) * 1e6),
    0,
  )
  const sum_click = students.reduce((total, { clicks }) => total + sum(clicks, 'sum_click'), 0)
  const days = students.map(({ clicks }) => activeDays(clicks).length)
  const has = (...wanted: string[]) =>
    students.filter(({ info }) => wanted.includes(String(info!['final_result']))).length
  return {
    code_module,
    code_presentation,
    students: students.length,
    active_students: days.filter((count) => count > 0).length,
    active_days: days.reduce((total, count) => total + count, 0),
    sum_click,
    submissions: own.length,
    submissions_late: own.filter(isLate).length,
    average_score: scores.length === 0 ? null : millionths / scores.length / 1e6,
    passed: has('Pass', 'Distinction'),
    withdrawn: has('Withdrawn'),
    clicks_per_student: sum_click / students.length,
    event_time: timeOfDay(code_presentation, latestDay(students) ?? 0),
  }
}
