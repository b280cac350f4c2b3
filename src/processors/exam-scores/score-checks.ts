/**
 * The quality checks of the exam-score feed. What fails is quarantined with its original bytes and listed in
 * `data_quality_checks_results`; what passes goes on.
 */
import { noHeaders } from '../../core/record.ts'
import type { DataQualityCheckResult } from '../../facts/exam-scores.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { present } from '../../core/assert.ts'
import { eventIdOf, type ExamScore, type Score } from './score.ts'

interface ScoreCheck {
  readonly name: string
  readonly level: 'Critical' | 'Error'
  passes(event: ExamScore): boolean
  reason(event: ExamScore): string
}

/** Sums and means of scores stay finite. */
const scoreMax = 1e15

export const scoreChecks: readonly ScoreCheck[] = [
  {
    name: 'student_identified',
    level: 'Critical',
    passes: (event) => event.studentId !== '',
    reason: () => 'studentId is empty; a result needs its student',
  },
  {
    name: 'exam_number_not_negative',
    level: 'Error',
    passes: (event) => event.exam >= 0,
    reason: (event) => `exam is ${event.exam}; expected 0 or more`,
  },
  {
    name: 'score_finite',
    level: 'Error',
    passes: (event) => event.score === null || Math.abs(event.score) <= scoreMax,
    reason: (event) => `score is ${event.score}; expected a number up to ${scoreMax}, or null`,
  },
  {
    name: 'score_not_negative',
    level: 'Error',
    passes: (event) => event.score === null || !(event.score < 0),
    reason: (event) => `score is ${event.score}; expected 0 or more`,
  },
]

/** The names of the nodes that get what passes and what fails. */
export const scoreCheckPorts = { passed: 'event-versions', failed: 'failed-checks' } as const

export class ScoreChecksProcessor implements Processor<readonly [string], ExamScore | null> {
  #context!: ProcessorContext

  init(context: ProcessorContext): void {
    this.#context = context
  }

  process(record: StreamRecord<readonly [string], ExamScore | null>): void {
    const event = record.value
    if (event === null) {
      this.#context.countDropped('null-value')
      return
    }
    const eventId = present(eventIdOf(event), 'the key of a record with a key')
    const failed = scoreChecks.filter((check) => !check.passes(event))
    for (const check of failed) this.#refuse(check, eventId, event, record.timestampMs)
    if (failed.length > 0) return
    const score: Score = {
      eventId,
      eventType: event.event_type,
      studentId: event.studentId,
      exam: event.exam,
      score: event.score,
      eventTimeMs: record.timestampMs,
    }
    this.#context.forward({ ...record, value: score }, scoreCheckPorts.passed)
  }

  #refuse(check: ScoreCheck, eventId: string, event: ExamScore, timestampMs: number): void {
    const reason = check.reason(event)
    this.#context.quarantine({ check: check.name, level: check.level, reason })
    const result: DataQualityCheckResult = {
      event_id: eventId,
      check_name: check.name,
      level: check.level,
      reason,
      payload: JSON.stringify(event),
      event_time: timestampMs,
      known_at: this.#context.wallClockMs,
    }
    this.#context.forward(
      { key: [eventId, check.name], value: result, timestampMs, headers: noHeaders },
      scoreCheckPorts.failed,
    )
  }
}
