/**
 * The facts of the open-university topology, computed a second time: everything in memory, one loop a rule. The rules
 * are those of docs/open-university.md. Imports nothing from the product.
 *
 *   node test/golden/oracle-open-university.ts OULAD_DIRECTORY
 */
import * as engagement from './oracle-open-university-engagement.ts'
import {
  byId,
  cleaned,
  daysOf,
  enrolment,
  isGood,
  latest,
  ouladEvents,
  startOf,
  tables,
  timeOf,
  timeOfDay,
  type Row,
  type TableEvent,
  type Tables,
} from './oracle-open-university-rows.ts'

/** Rows of every table that depends on these events. Times are milliseconds since the epoch. */
export function factsOf(events: readonly TableEvent[]): Tables {
  const facts: Tables = {}
  const days = new Set<number>()
  for (const [name, table] of Object.entries(tables)) {
    const received = events.filter(({ topic }) => topic === name)
    const good = received.filter(({ value }) => isGood(table, value))
    facts[`raw_${name}`] = latest(table, received).map((value) => ({
      ...value,
      event_time: timeOf(table, value),
    }))
    facts[`clean_${name}`] = latest(table, good).map((value) => ({
      ...cleaned(table, value),
      event_time: timeOf(table, value),
    }))
    for (const { value } of good) for (const day of daysOf(table, value)) days.add(day)
  }
  facts['dim_date'] = [...days].map((date) => ({
    date,
    week: Math.floor(date / 7),
    day_of_week: ((date % 7) + 7) % 7,
    is_before_start: date < 0,
    event_time: 0,
  }))
  const at_risk_rules = rules(events.filter(({ topic }) => topic === 'at_risk_rules'))
  return { ...facts, ...star(facts), ...engagement.factsOf(facts), at_risk_rules }
}

/** The latest of each module that can be computed with; of two at one moment the later row of a file. */
function rules(given: readonly TableEvent[]): Row[] {
  const latestOf = new Map<string, Row>()
  const rowOf = ({ value }: TableEvent) => Number(value['_source_row']?.split(':')[1] ?? 0)
  for (const { value, at } of given.toSorted((a, b) => a.at - b.at || rowOf(a) - rowOf(b))) {
    const { _source_row: _, ...rule } = value as unknown as Record<string, number>
    const divisors = ['inactivity_days_full', 'score_enough', 'attempts_full']
    if (Object.values(rule).some((number) => number < 0)) continue
    if (divisors.some((name) => rule[name] === 0) || rule['medium_from']! > rule['high_from']!)
      continue
    latestOf.set(value['code_module']!, { ...rule, event_time: at })
  }
  return [...latestOf.values()]
}

function star(facts: Tables): Tables {
  const info = facts['clean_student_info']!
  const registrations = facts['clean_student_registration']!
  return {
    fact_assessments: assessmentFacts(facts),
    fact_vle_interactions: interactions(facts['clean_student_vle']!),
    dim_module: [...Map.groupBy(facts['clean_courses']!, (row) => row['code_module'])].map(
      ([code_module, rows]) => ({
        code_module: code_module!,
        presentations: rows.length,
        event_time: Math.max(...rows.map((row) => row['event_time'] as number)),
      }),
    ),
    dim_module_vle: without(facts['clean_vle']!, '_source_file'),
    dim_presentation: without(facts['clean_courses']!, '_source_file').map((row) => {
      const { year, month } = startOf(row['code_presentation'] as string)!
      return { ...row, start_year: year, start_month: month }
    }),
    dim_registered_module: registeredModules(info, registrations),
    dim_student: students(info),
  }
}

function without(rows: readonly Row[], column: string): Row[] {
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => name !== column)),
  )
}

function assessmentFacts(facts: Tables): Row[] {
  const assessments = new Map(facts['clean_assessments']!.map((row) => [row['id_assessment'], row]))
  return facts['clean_student_assessment']!.map((result) => {
    const of = assessments.get(result['id_assessment'])
    const { date_submitted, score } = result as Record<string, number | null>
    const due = (of?.['date'] ?? null) as number | null
    const weight = (of?.['weight'] ?? null) as number | null
    const is_banked = result['is_banked'] !== null && result['is_banked'] !== 0
    const isLate =
      !is_banked && due !== null && date_submitted !== null && date_submitted !== undefined
    return {
      id_assessment: result['id_assessment']!,
      id_student: result['id_student']!,
      code_module: of?.['code_module'] ?? null,
      code_presentation: of?.['code_presentation'] ?? null,
      assessment_type: of?.['assessment_type'] ?? null,
      date: due,
      weight,
      days_late: isLate ? date_submitted - due : null,
      date_submitted: date_submitted!,
      is_banked,
      score: score!,
      weighted_score: score === null || weight === null ? null : (score! * weight) / 100,
      is_passed: score === null ? null : score! >= 40,
      event_time: of ? timeOfDay(of['code_presentation'] as string, date_submitted ?? 0) : 0,
    }
  })
}

function interactions(clicks: readonly Row[]): Row[] {
  const cells = new Map<string, Row>()
  for (const row of clicks) {
    const { code_module, code_presentation, id_student, id_site, date } = row
    const id = JSON.stringify([code_module, code_presentation, id_student, id_site, date])
    const known = cells.get(id)
    cells.set(id, {
      code_module: code_module!,
      code_presentation: code_presentation!,
      id_student: id_student!,
      id_site: id_site!,
      date: date!,
      sum_click: sumOf([known?.['sum_click'] ?? null, row['sum_click'] ?? null]),
      click_rows: Number(known?.['click_rows'] ?? 0) + 1,
      event_time: timeOfDay(code_presentation as string, date as number),
    })
  }
  return [...cells.values()]
}

/** Null where all are missing. */
function sumOf(values: readonly unknown[]): number | null {
  const known = values.filter((value) => value !== null) as number[]
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

const attributes = Object.keys(tables['student_info']!.columns).filter(
  (column) => !enrolment.includes(column),
)

function attributesOf(info: Row | undefined): Row {
  return Object.fromEntries(attributes.map((name) => [name, info?.[name] ?? null]))
}

function registeredModules(info: readonly Row[], registrations: readonly Row[]): Row[] {
  const described = byId(info)
  const registered = byId(registrations)
  return [...new Set([...described.keys(), ...registered.keys()])].map((id) => {
    const registration = registered.get(id)
    const row = (described.get(id) ?? registration)!
    return {
      code_module: row['code_module']!,
      code_presentation: row['code_presentation']!,
      id_student: row['id_student']!,
      date_registration: registration?.['date_registration'] ?? null,
      date_unregistration: registration?.['date_unregistration'] ?? null,
      ...attributesOf(described.get(id)),
      event_time: registration?.['event_time'] ?? timeOfDay(row['code_presentation'] as string, 0),
    }
  })
}

/** As of the presentation that starts last; of two at once that of the greater module. */
function students(info: readonly Row[]): Row[] {
  return [...Map.groupBy(info, (row) => row['id_student'])].map(([id_student, rows]) => {
    const order = (row: Row) => {
      const presentation = row['code_presentation'] as string
      return [timeOfDay(presentation, 0), row['code_module'] as string] as const
    }
    const [last] = rows.toSorted((a, b) => {
      const [aTime, aModule] = order(a)
      const [bTime, bModule] = order(b)
      return bTime - aTime || (bModule < aModule ? -1 : 1)
    })
    return {
      id_student: id_student!,
      code_module: last!['code_module']!,
      code_presentation: last!['code_presentation']!,
      ...attributesOf(last),
      enrolments: rows.length,
      event_time: timeOfDay(last!['code_presentation'] as string, 0),
    }
  })
}

if (import.meta.main) {
  const facts = factsOf(ouladEvents(process.argv[2] ?? '../shared/data/oulad'))
  for (const [table, rows] of Object.entries(facts)) {
    console.log(`\n${table}: ${rows.length} rows, the first`)
    console.table(rows.slice(0, 3))
  }
}
