/** Submissions, inactivity and risk as the views of the open-university topology give them, computed a second time. */
import { byId, idOf, type Row, type Tables } from './oracle-open-university-rows.ts'

export type Rule = Readonly<Record<string, number>>

/** As shipped. */
const shipped: Rule = {
  weight_inactivity: 35,
  weight_missing: 30,
  weight_late: 10,
  weight_score: 15,
  weight_attempts: 10,
  inactivity_days_full: 28,
  score_enough: 60,
  attempts_full: 3,
  medium_from: 30,
  high_from: 60,
}

/** @param rules by module; '' is that of all others */
export function viewsOf(facts: Tables, rules: ReadonlyMap<string, Rule>): Tables {
  const activity = studentActivity(facts)
  const asOf = asOfDays(facts, activity)
  const submissions = assessmentSubmissions(facts, asOf)
  const inactivity = inactivityRows(facts, activity)
  return {
    student_activity: activity,
    assessment_submissions: submissions,
    inactivity,
    at_risk: atRisk(facts, rules, { asOf, submissions, inactivity }),
  }
}

const presentationOf = (row: Row) => JSON.stringify([row['code_module'], row['code_presentation']])

function lengthsOf(facts: Tables): Map<string, number | null> {
  return new Map(
    facts['dim_presentation']!.map((row) => [
      presentationOf(row),
      row['module_presentation_length'] as number | null,
    ]),
  )
}

/** Of days with a click that lie within the presentation. */
function studentActivity(facts: Tables): Row[] {
  const lengths = lengthsOf(facts)
  const interactions = Map.groupBy(facts['fact_vle_interactions']!, idOf)
  return facts['student_engagement']!.map((student) => {
    const { code_module, code_presentation, id_student } = student
    const length = lengths.get(presentationOf(student)) ?? Infinity
    const clicked = (interactions.get(idOf(student)) ?? []).flatMap(({ date, sum_click }) =>
      Number(sum_click) > 0 && Number(date) <= length ? [Number(date)] : [],
    )
    const days = [...new Set(clicked)].sort((a, b) => a - b)
    const gaps = days.slice(1).map((day, index) => day - days[index]! - 1)
    return {
      code_module: code_module!,
      code_presentation: code_presentation!,
      id_student: id_student!,
      last_active_day: days.at(-1) ?? null,
      longest_inactivity_days: Math.max(0, ...gaps),
    }
  })
}

/** Of each presentation, the latest of its students' days. */
function latestDays(facts: Tables, activity: readonly Row[]): Map<string, number | null> {
  const students = Map.groupBy(activity, presentationOf)
  return new Map(
    facts['enrolment_funnel']!.map((row) => {
      const days = (students.get(presentationOf(row)) ?? []).flatMap(({ last_active_day: day }) =>
        day === null ? [] : [day as number],
      )
      return [presentationOf(row), days.length === 0 ? null : Math.max(...days)]
    }),
  )
}

type AsOf = ReadonlyMap<string, number | null>

/** How far each presentation is; without any click, its whole length. */
function asOfDays(facts: Tables, activity: readonly Row[]): AsOf {
  const lengths = lengthsOf(facts)
  return new Map(
    [...latestDays(facts, activity)].map(([id, latest]) => [id, latest ?? lengths.get(id) ?? null]),
  )
}

function assessmentSubmissions(facts: Tables, asOf: AsOf): Row[] {
  const assessments = Map.groupBy(facts['clean_assessments']!, presentationOf)
  const idOfResult = (row: Row) => `${String(row['id_assessment'])} ${String(row['id_student'])}`
  const results = new Map(facts['fact_assessments']!.map((row) => [idOfResult(row), row]))
  return facts['dim_registered_module']!.flatMap((enrolment) =>
    (assessments.get(presentationOf(enrolment)) ?? []).map((assessment) => {
      const { code_module, code_presentation, id_student } = enrolment
      const { id_assessment, assessment_type, date } = assessment
      const as_of_day = asOf.get(presentationOf(enrolment)) ?? null
      const result = results.get(
        idOfResult({ id_assessment: id_assessment!, id_student: id_student! }),
      )
      return {
        code_module: code_module!,
        code_presentation: code_presentation!,
        id_student: id_student!,
        id_assessment: id_assessment!,
        assessment_type: assessment_type!,
        date: date!,
        date_submitted: result?.['date_submitted'] ?? null,
        days_late: result?.['days_late'] ?? null,
        score: result?.['score'] ?? null,
        as_of_day,
        status: statusOf(result, enrolment, date as number | null, as_of_day),
      }
    }),
  )
}

function statusOf(
  result: Row | undefined,
  enrolment: Row,
  due: number | null,
  asOf: number | null,
): string {
  if (result?.['is_banked'] === true) return 'banked'
  if (result !== undefined) return (result['days_late'] as number) > 0 ? 'late' : 'submitted'
  const left = enrolment['date_unregistration'] as number | null
  if (left !== null && (due === null || left <= due)) return 'left'
  if (due === null) return 'undated'
  return asOf !== null && due < asOf ? 'missing' : 'pending'
}

function inactivityRows(facts: Tables, activity: readonly Row[]): Row[] {
  const latest = latestDays(facts, activity)
  const activities = byId(activity)
  return facts['dim_registered_module']!.map((enrolment) => {
    const { code_module, code_presentation, id_student } = enrolment
    const own = activities.get(idOf(enrolment))
    const latest_day = latest.get(presentationOf(enrolment)) ?? null
    const last_active_day = (own?.['last_active_day'] ?? null) as number | null
    return {
      code_module: code_module!,
      code_presentation: code_presentation!,
      id_student: id_student!,
      last_active_day,
      longest_inactivity_days: own?.['longest_inactivity_days'] ?? null,
      latest_day,
      inactivity_streak_days:
        latest_day === null ? null : Math.max(0, latest_day - (last_active_day ?? 0)),
    }
  })
}

function atRisk(
  facts: Tables,
  rules: ReadonlyMap<string, Rule>,
  of: {
    readonly asOf: AsOf
    readonly submissions: readonly Row[]
    readonly inactivity: readonly Row[]
  },
): Row[] {
  const { asOf, submissions, inactivity } = of
  const engagement = byId(facts['student_engagement']!)
  const streaks = byId(inactivity)
  const statuses = Map.groupBy(submissions, idOf)
  return facts['dim_registered_module']!.map((enrolment) => {
    const { code_module, code_presentation, id_student, num_of_prev_attempts } = enrolment
    const rule = rules.get(code_module as string) ?? rules.get('') ?? shipped
    const own = engagement.get(idOf(enrolment))
    const as_of_day = asOf.get(presentationOf(enrolment)) ?? null
    const due = (statuses.get(idOf(enrolment)) ?? []).filter(
      ({ status, date }) =>
        status !== 'left' && as_of_day !== null && date !== null && (date as number) < as_of_day,
    )
    const parts = {
      inactivity_streak_days: streaks.get(idOf(enrolment))!['inactivity_streak_days'] as
        number | null,
      assessments_due: due.length,
      assessments_missing: due.filter(({ status }) => status === 'missing').length,
      submissions: Number(own?.['submissions'] ?? 0),
      submissions_late: Number(own?.['submissions_late'] ?? 0),
      average_score: (own?.['average_score'] ?? null) as number | null,
      num_of_prev_attempts: num_of_prev_attempts as number | null,
    }
    const points = pointsOf(parts, rule)
    const risk_score = Object.values(points).reduce((sum, each) => sum + each, 0)
    const left = enrolment['date_unregistration'] as number | null
    const hasLeft =
      left === null
        ? enrolment['final_result'] === 'Withdrawn'
        : as_of_day !== null && left <= as_of_day
    return {
      code_module: code_module!,
      code_presentation: code_presentation!,
      id_student: id_student!,
      as_of_day,
      ...parts,
      ...points,
      risk_score,
      risk_level: hasLeft ? 'left' : levelOf(risk_score, rule),
    }
  })
}

interface Parts {
  readonly inactivity_streak_days: number | null
  readonly assessments_due: number
  readonly assessments_missing: number
  readonly submissions: number
  readonly submissions_late: number
  readonly average_score: number | null
  readonly num_of_prev_attempts: number | null
}

function pointsOf(parts: Parts, rule: Rule) {
  const { inactivity_streak_days: streak, average_score: score } = parts
  const { assessments_due, assessments_missing, submissions, submissions_late } = parts
  const attempts = parts.num_of_prev_attempts
  const enough = rule['score_enough']!
  return {
    points_inactivity:
      streak === null
        ? 0
        : rule['weight_inactivity']! * Math.min(1, streak / rule['inactivity_days_full']!),
    points_missing:
      assessments_due === 0 ? 0 : (rule['weight_missing']! * assessments_missing) / assessments_due,
    points_late: submissions === 0 ? 0 : (rule['weight_late']! * submissions_late) / submissions,
    points_score:
      score === null ? 0 : (rule['weight_score']! * Math.max(0, enough - score)) / enough,
    points_attempts:
      attempts === null
        ? 0
        : rule['weight_attempts']! * Math.min(1, attempts / rule['attempts_full']!),
  }
}

function levelOf(score: number, rule: Rule): string {
  if (score >= rule['high_from']!) return 'high'
  return score >= rule['medium_from']! ? 'medium' : 'low'
}
