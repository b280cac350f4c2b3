/**
 * Statistics of a test's items by their definitions (Moodle, "Quiz statistics calculations"), over the whole table of
 * marks: rows are learners, columns are items. Imports nothing from the product.
 */
import type { McqEvents } from './oracle-mcq.ts'
import { factsOf as mcqFactsOf, testsOfQuestions } from './oracle-mcq.ts'

export interface Mark {
  learner: string
  item: string
  /** 0 or 1. */
  mark: number
}

export interface ItemRow {
  item: string
  learners: number
  facility: number
  mean: number
  standard_deviation: number | null
  discrimination_index: number | null
  test_learners: number
  test_items: number
  test_mean: number
  test_standard_deviation: number | null
  test_reliability: number | null
  test_standard_error: number | null
}

/** @param population whose marks an item rests on: `all` learners, with 0 where there is no mark, or those with one */
export function itemStatistics(
  marks: readonly Mark[],
  learners: ReadonlySet<string>,
  population: 'all' | 'answered',
): ItemRow[] {
  const items = [...new Set(marks.map(({ item }) => item))]
  const markOf = (learner: string, item: string) =>
    marks.find((each) => each.learner === learner && each.item === item)?.mark
  const totals = new Map(
    [...learners].map((learner) => [
      learner,
      items.reduce((sum, item) => sum + (markOf(learner, item) ?? 0), 0),
    ]),
  )
  const all = [...totals.values()]
  const variance = covariance(all, all)
  const within = items.reduce((sum, item) => {
    const column = [...learners].map((learner) => markOf(learner, item) ?? 0)
    return sum + (covariance(column, column) ?? 0)
  }, 0)
  const hasAlpha = items.length > 1 && variance !== null && variance > 1e-12
  const alpha = hasAlpha ? (items.length / (items.length - 1)) * (1 - within / variance) : null
  return items.map((item) => {
    const asked = [...learners].filter(
      (learner) => population === 'all' || markOf(learner, item) !== undefined,
    )
    const column = asked.map((learner) => markOf(learner, item) ?? 0)
    const rest = asked.map((learner, index) => totals.get(learner)! - column[index]!)
    const spread = covariance(column, column)
    return {
      item,
      learners: asked.length,
      facility: mean(column),
      mean: mean(column),
      standard_deviation: spread === null ? null : Math.sqrt(spread),
      discrimination_index: correlationPercent(column, rest),
      test_learners: learners.size,
      test_items: items.length,
      test_mean: mean(all),
      test_standard_deviation: variance === null ? null : Math.sqrt(variance),
      test_reliability: alpha === null ? null : 100 * alpha,
      test_standard_error:
        alpha === null ? null : Math.sqrt(variance!) * Math.sqrt(Math.max(0, 1 - alpha)),
    }
  })
}

/** The statistics of every test, over the students who completed it; a question left out is wrong, one of another test
 * is no item. */
export function mcqItemStatistics(events: McqEvents): Record<string, unknown>[] {
  const { question_interaction_fact: interactions, test_summary_fact: summaries } =
    mcqFactsOf(events)
  const testOf = testsOfQuestions(events)
  const tests = new Set(summaries.map(({ test_id }) => test_id))
  return [...tests].flatMap((test_id) => {
    const ofTest = summaries.filter((summary) => summary.test_id === test_id)
    const completed = new Set(
      ofTest
        .filter(({ completion_status }) => completion_status === 'completed')
        .map(({ student_id }) => student_id),
    )
    const answered = interactions.filter((interaction) => interaction.test_id === test_id)
    const marks = answered
      .filter(({ student_id, is_correct }) => is_correct !== null && completed.has(student_id))
      .filter(({ question_id }) => testOf.get(question_id) === test_id)
      .map(({ student_id, question_id, is_correct }) => ({
        learner: student_id,
        item: question_id,
        mark: Number(is_correct),
      }))
    const times = [
      ...answered.map(({ last_answer_time }) => last_answer_time),
      ...ofTest.map(({ test_submit_time }) => test_submit_time ?? -Infinity),
    ]
    const event_time = times.reduce((latest, ms) => Math.max(latest, ms), -Infinity)
    return itemStatistics(marks, completed, 'all').map(({ item, ...columns }) => ({
      test_id,
      question_id: item,
      ...columns,
      event_time,
    }))
  })
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Over n − 1; null below two. */
function covariance(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 2) return null
  const [meanA, meanB] = [mean(a), mean(b)]
  return a.reduce((sum, value, i) => sum + (value - meanA) * (b[i]! - meanB), 0) / (a.length - 1)
}

function correlationPercent(a: readonly number[], b: readonly number[]): number | null {
  const [together, ofA, ofB] = [covariance(a, b), covariance(a, a), covariance(b, b)]
  if (together === null || ofA === null || ofB === null) return null
  return ofA < 1e-12 || ofB < 1e-12 ? null : (100 * together) / Math.sqrt(ofA * ofB)
}
