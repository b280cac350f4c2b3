/** What the submissions of a batch change in each test's funnel: whole numbers, so that sums stay exact. */
import type { TestFunnelFact } from '../../facts/mcq.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { FunnelShare } from './student-test.ts'

export interface FunnelChange {
  readonly testId: string
  submissions: number
  completed: number
  /** Completed submissions whose duration is known. */
  timed: number
  durationMsSum: number
  /** The latest submission that the numbers rest on, milliseconds since the epoch. */
  eventTimeMs: number
}

export class FunnelChanges {
  #byTest = new Map<string, FunnelChange>()

  /** Takes a student's former share out and puts the present one in. False where they are the same. */
  add(testId: string, before: FunnelShare | null, after: FunnelShare | null): boolean {
    if (isSame(before, after)) return false
    let change = this.#byTest.get(testId)
    if (change === undefined) {
      change = emptyFunnel(testId)
      this.#byTest.set(testId, change)
    }
    addShare(change, before, -1)
    addShare(change, after, 1)
    change.eventTimeMs = Math.max(change.eventTimeMs, after?.submitMs ?? 0)
    return true
  }

  take(): readonly FunnelChange[] {
    const changes = [...this.#byTest.values()]
    this.#byTest = new Map()
    return changes
  }
}

export function emptyFunnel(testId: string): FunnelChange {
  return { testId, submissions: 0, completed: 0, timed: 0, durationMsSum: 0, eventTimeMs: 0 }
}

export function sumFunnels(a: FunnelChange, b: FunnelChange): FunnelChange {
  return {
    testId: a.testId,
    submissions: a.submissions + b.submissions,
    completed: a.completed + b.completed,
    timed: a.timed + b.timed,
    durationMsSum: a.durationMsSum + b.durationMsSum,
    eventTimeMs: Math.max(a.eventTimeMs, b.eventTimeMs),
  }
}

export function funnelRow(funnel: FunnelChange, knownAtMs: number): TestFunnelFact {
  const { submissions, completed, timed, durationMsSum } = funnel
  return {
    test_id: funnel.testId,
    total_submissions: submissions,
    completed_submissions: completed,
    incomplete_submissions: submissions - completed,
    completion_rate: submissions === 0 ? null : completed / submissions,
    avg_submit_time: timed === 0 ? null : durationMsSum / timed / 1000,
    event_time: funnel.eventTimeMs,
    known_at: knownAtMs,
  }
}

function isSame(a: FunnelShare | null, b: FunnelShare | null): boolean {
  return (
    a?.submitMs === b?.submitMs && a?.completed === b?.completed && a?.durationMs === b?.durationMs
  )
}

function addShare(change: FunnelChange, share: FunnelShare | null, sign: 1 | -1): void {
  if (share === null) return
  change.submissions += sign
  if (share.completed) change.completed += sign
  if (share.durationMs === null) return
  change.timed += sign
  change.durationMsSum += sign * share.durationMs
}

export const funnelSerde = avroSerde<FunnelChange>('funnel changes', 1, {
  type: 'record',
  name: 'FunnelChange',
  fields: [
    { name: 'testId', type: 'string' },
    { name: 'submissions', type: 'long' },
    { name: 'completed', type: 'long' },
    { name: 'timed', type: 'long' },
    { name: 'durationMsSum', type: 'long' },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
