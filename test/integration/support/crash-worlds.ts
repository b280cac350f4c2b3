/**
 * What the crash tests give the three topologies that `crash-events.ts` leaves out: the small worlds of the convergence
 * tests, full of conflicts, many beside each other. Learners, students and files are each world's own; modules,
 * assessments, items and topics are all worlds' together. The same seed gives the same events.
 */
import fc from 'fast-check'
import { adaptiveEvents } from '../../convergence/adaptive-learning-events.ts'
import { openUniversityEvents } from '../../convergence/open-university-events.ts'
import type { SourceEvent } from '../../convergence/scenario.ts'
import { studentEvents } from '../../convergence/student-performance-events.ts'
import type { CrashEvent } from './crash-events.ts'
import { Random } from './random.ts'

type Value = Readonly<Record<string, unknown>>

/** Columns whose values are a world's own. */
const ownNames = ['user_id', 'training_id', 'event_id', 'file_hash']
/** OULAD's are whole numbers: the world goes before, so that `07` stays another way to write a number. */
const ownNumbers = ['id_student']
const ruleMs = 1_700_000_000_000

export function crashWorlds(seed: number, worldsOfEach = 120): readonly CrashEvent[] {
  const events = [adaptiveEvents, openUniversityEvents, studentEvents].flatMap((worlds) =>
    fc.sample(worlds, { seed, numRuns: worldsOfEach }).flatMap(ownEvents),
  )
  return new Random(seed).shuffled([...events, ...atRiskRules()])
}

/** Given twice for each module; the later one stays. */
function* atRiskRules(): Generator<CrashEvent> {
  const weights = { weight_missing: 30, weight_late: 10, weight_score: 20, weight_attempts: 10 }
  const limits = { inactivity_days_full: 28, score_enough: 70, attempts_full: 2 }
  const bands = { medium_from: 30, high_from: 60 }
  for (const code_module of ['', 'AAA', 'BBB']) {
    for (const [version, weight_inactivity] of [10, 30].entries()) {
      const value = { code_module, weight_inactivity, ...weights, ...limits, ...bands }
      yield { topic: 'at_risk_rules', value, timestampMs: ruleMs + version }
    }
  }
}

function ownEvents(events: readonly SourceEvent[], world: number): CrashEvent[] {
  return events.map(({ topic, value, timestampMs }) => ({
    topic,
    value: asJson(ownValue(value, world + 1)),
    timestampMs,
  }))
}

function ownValue(value: Value, world: number): Value {
  const own: Record<string, unknown> = { ...value }
  for (const column of ownNames) {
    if (typeof own[column] === 'string') own[column] = `${own[column]}-${world}`
  }
  for (const column of ownNumbers) {
    if (typeof own[column] === 'string') own[column] = `${world}${own[column]}`
  }
  return own
}

/** Avro's JSON form has bytes as text, one character a byte. */
function asJson(value: Value): Value {
  const entries = Object.entries(value).map(([column, cell]) => [
    column,
    Buffer.isBuffer(cell) ? cell.toString('latin1') : cell,
  ])
  return Object.fromEntries(entries) as Value
}
