/** EdNet KT4 action logs as the events of a test platform: one student's lines, in the order of the file. */

export interface EdnetAction {
  readonly timestampMs: number
  readonly kind: string
  readonly item: string
  readonly userAnswer: string
}

export interface EdnetEvent {
  readonly topic: 'answers' | 'sessions' | 'submissions'
  readonly value: Readonly<Record<string, unknown>>
}

/**
 * | action | event |
 * | --- | --- |
 * | `enter` a bundle | session; it is open until that bundle is submitted or quit |
 * | `respond` | answer, of the question's bundle, in its open session |
 * | `submit` a bundle | submission `completed` |
 * | `quit` a bundle with an open session | submission `incomplete` |
 *
 * Everything else is none: `erase_choice` takes an option out of view before the answer and is no answer;
 * explanations, lectures, players and payments are no tests. Ids are `USER-TIMESTAMP-ITEM`: a line that the log
 * has twice is one event.
 */
export class EdnetStudent {
  readonly #student: string
  readonly #bundleOf: ReadonlyMap<string, string>
  /** Bundle to its open session. */
  readonly #open = new Map<string, string>()
  #lastEntered: string | null = null

  constructor(student: string, bundleOf: ReadonlyMap<string, string>) {
    this.#student = student
    this.#bundleOf = bundleOf
  }

  /** Null where the action is no event. */
  event({ timestampMs, kind, item, userAnswer }: EdnetAction): EdnetEvent | null {
    const student_id = this.#student
    const id = `${student_id}-${timestampMs}-${item}`
    if (kind === 'respond') return this.#answer(id, timestampMs, item, userAnswer)
    if (!item.startsWith('b')) return null
    if (kind === 'enter') {
      this.#lastEntered = item
      this.#open.set(item, id)
      const value = { session_id: id, student_id, test_id: item, timestamp: timestampMs }
      return { topic: 'sessions', value }
    }
    const completes = kind === 'submit'
    if (!completes && !(kind === 'quit' && this.#open.has(item))) return null
    this.#open.delete(item)
    const completion_status = completes ? 'completed' : 'incomplete'
    const value = { student_id, test_id: item, submit_time: timestampMs, completion_status }
    return { topic: 'submissions', value }
  }

  #answer(id: string, timestamp: number, question: string, option: string): EdnetEvent | null {
    const test_id = this.#bundleOf.get(question) ?? this.#lastEntered
    if (test_id === null) return null
    return {
      topic: 'answers',
      value: {
        answer_id: id,
        student_id: this.#student,
        question_id: question,
        test_id,
        session_id: this.#open.get(test_id) ?? null,
        submitted_option: option === '' ? null : option,
        timestamp,
      },
    }
  }
}
