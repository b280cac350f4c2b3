/** EdNet's files as the platform's events: README.md beside this file, "EdNet as events". */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { McqEvents, Question } from './oracle-mcq.ts'

export function ednetEvents(directory: string): McqEvents {
  const questions = ednetQuestions(directory)
  const bundles = new Set(questions.map((question) => question.test_id))
  const events: McqEvents = {
    answers: [],
    sessions: [],
    submissions: [],
    questions,
    tests: [...bundles].map((test_id) => ({ test_id, total_questions: null, at: 0 })),
  }
  const bundleOf = new Map(questions.map((question) => [question.question_id, question.test_id]))
  const kt4 = join(directory, 'kt4')
  for (const file of readdirSync(kt4).sort()) {
    if (!file.endsWith('.csv')) continue
    addStudent(events, basename(file, '.csv'), csv(readFileSync(join(kt4, file), 'utf8')), bundleOf)
  }
  return events
}

function ednetQuestions(directory: string): Question[] {
  const text = gunzipSync(readFileSync(join(directory, 'questions.csv.gz'))).toString('utf8')
  return csv(text).map(([question_id, bundle_id, , correct_answer, , , deployed_at]) => ({
    question_id: question_id!,
    test_id: bundle_id!,
    correct_option: correct_answer === '' ? null : correct_answer!,
    at: Number(deployed_at),
  }))
}

function addStudent(
  events: McqEvents,
  student_id: string,
  lines: string[][],
  bundleOf: ReadonlyMap<string, string>,
): void {
  /** Bundle -> its open session. */
  const open = new Map<string, string>()
  let lastEntered: string | undefined
  for (const [time, action, item = '', , , option = ''] of lines) {
    const timestamp = Number(time)
    const id = `${student_id}-${timestamp}-${item}`
    if (action === 'respond') {
      const test_id = bundleOf.get(item) ?? lastEntered
      if (test_id === undefined) continue
      events.answers.push({
        answer_id: id,
        student_id,
        question_id: item,
        test_id,
        session_id: open.get(test_id) ?? null,
        submitted_option: option === '' ? null : option,
        timestamp,
      })
    }
    if (!item.startsWith('b')) continue
    if (action === 'enter') {
      lastEntered = item
      open.set(item, id)
      const session = { session_id: id, student_id, test_id: item, expiry_time: null }
      events.sessions.push({ ...session, timestamp, at: timestamp })
    }
    const quits = action === 'quit' && open.has(item)
    if (action === 'submit' || quits) {
      open.delete(item)
      events.submissions.push({
        student_id,
        test_id: item,
        submit_time: timestamp,
        completion_status: action === 'submit' ? 'completed' : 'incomplete',
      })
    }
  }
}

/** The data lines; none of these files quotes a field. */
function csv(text: string): string[][] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  return lines.slice(1).map((line) => line.split(','))
}
