/** Adaptive learning on real answers and on generated ones: every column of every row against the oracle. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { FactTable } from '../../src/core/fact-table.ts'
import adaptiveLearning, { factTables } from '../../topologies/adaptive-learning.ts'
import mcq, { factTables as mcqTables } from '../../topologies/mcq.ts'
import { delivering, type Subject } from '../convergence/deliver.ts'
import { deliveries, type SourceEvent } from '../convergence/scenario.ts'
import { ednetAttempts } from './ednet-attempts.ts'
import { ednetEvents } from './ednet-events.ts'
import { assertNear, type Tables } from './near.ts'
import { factsOf, type AdaptiveEvents } from './oracle-adaptive-learning.ts'
import { itemStatistics, mcqItemStatistics } from './oracle-item-statistics.ts'

const ednet = fileURLToPath(new URL('../../../shared/data/ednet', import.meta.url))
const needsEdnet = existsSync(ednet) ? {} : { skip: 'the data set ednet is not on this machine' }

const adaptive: Subject = {
  graph: adaptiveLearning,
  factTables: factTables as readonly FactTable[],
}

test(
  'EdNet’s answers as attempts give the oracle’s rows, over three partitions',
  needsEdnet,
  async () => {
    const events = ednetAttempts(ednet)
    const tables = await deliverAll(adaptive, sourceEvents(events), 250)
    const { user_attempts_superseded: superseded, ...facts } = tables
    assertNear(facts, { ...factsOf(events) })
    assert.equal(facts['user_attempts']?.length, 1685)
    assert.deepEqual(superseded, [], 'the files are in order')
  },
)

test('EdNet’s completed bundles give the oracle’s statistics of items', needsEdnet, async () => {
  const events = ednetEvents(ednet)
  const of = (topic: string, values: readonly object[], timeOf: (value: any) => number) =>
    values.map((value): SourceEvent => {
      const { at: _, ...fields } = value as Record<string, unknown>
      return { topic, value: { ...missing[topic], ...fields }, timestampMs: timeOf(value) }
    })
  const answered = new Set(events.answers.map(({ question_id }) => question_id))
  const questions = events.questions.filter(({ question_id }) => answered.has(question_id))
  const set = [
    ...of('questions', questions, ({ at }) => at),
    ...of('answers', events.answers, ({ timestamp }) => timestamp),
    ...of('submissions', events.submissions, ({ submit_time }) => submit_time),
  ]
  const subject = { graph: mcq, factTables: mcqTables as readonly FactTable[] }
  const { item_statistics = [] } = await deliverAll(subject, set, 1000)
  assert.ok(item_statistics.length > 900)
  assertNear({ item_statistics }, { item_statistics: mcqItemStatistics(events) })
})

test('the oracle gives the published statistics of the reference marks', () => {
  const papers = ['1110', '1100', '1010', '1111', '0000', '1001']
  const marks = papers.flatMap((paper, learner) =>
    Array.from(paper, (mark, item) => ({ learner: `${learner}`, item: `${item}`, mark: +mark })),
  )
  const rows = itemStatistics(marks, new Set(papers.keys().map(String)), 'all')
  assert.deepEqual(
    rows.map((row) => row.discrimination_index?.toFixed(5)),
    ['63.24555', '35.35534', '35.35534', '11.04315'],
  )
  assert.equal(rows[0]?.test_reliability?.toFixed(8), '55.34591195')
})

test('a year of one learner in random order within the horizon gives the oracle’s rows', async () => {
  const [delivery] = fc.sample(
    deliveries(yearOfAttempts(), () => false),
    { numRuns: 1, seed: 5 },
  )
  const deliver = await delivering(adaptive)
  // In order of weeks, in any order within each: none is late.
  const week = ({ timestampMs }: SourceEvent) => Math.floor(timestampMs / (7 * 86_400_000))
  const events = delivery!.events.toSorted((a, b) => week(a) - week(b))
  const tables = await deliver({ ...delivery!, events, batchRecords: 7, runAfter: [20, 40] })
  const { user_attempts_superseded: superseded = [], ...facts } = tables
  assertNear(facts, { ...factsOf(asSet(yearOfAttempts())) })
  assert.ok(superseded.length > 100)
})

const missing: Readonly<Record<string, object>> = {
  questions: { question_text: null },
  answers: {},
  submissions: {},
}

/** 400 attempts at 12 items of 4 topics over a year, some with an answer missing. */
function yearOfAttempts(): SourceEvent[] {
  return Array.from({ length: 400 }, (_, index) => {
    const timestamp = 1_700_000_000_000 + index * 79_000_000 + (index % 7) * 1_234_567
    return {
      topic: 'user.attempts',
      value: {
        attempt_id: `a${index}`,
        user_id: 'ann',
        item_id: `i${(index * 7) % 12}`,
        session_id: null,
        topic: `t${(index * 7) % 4}`,
        correct: (index * 31) % 17 > 6 && index % 23 !== 0,
        answered: index % 23 !== 0,
        time_taken_ms: (index * 7919) % 90_000,
        quality: null,
        timestamp,
        item_difficulty: index % 5 === 0 ? null : ((index * 7) % 12) / 6 - 1,
        sm2_easiness_factor_before: null,
        sm2_interval_before: null,
        bkt_prob_knowledge_before: null,
        irt_ability_before: null,
      },
      timestampMs: timestamp,
    }
  })
}

function asSet(events: readonly SourceEvent[]): AdaptiveEvents {
  const attempts = events.map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return { attempts, sessions: [], training: [] } as unknown as AdaptiveEvents
}

function sourceEvents({ attempts, sessions }: AdaptiveEvents): SourceEvent[] {
  return [
    ...attempts.map(({ at, ...value }): SourceEvent => ({
      topic: 'user.attempts',
      value,
      timestampMs: at,
    })),
    ...sessions.map(({ at, ...value }): SourceEvent => ({
      topic: 'user.sessions',
      value,
      timestampMs: at,
    })),
  ]
}

async function deliverAll(
  subject: Subject,
  events: readonly SourceEvent[],
  batchRecords: number,
): Promise<Tables> {
  const deliver = await delivering(subject)
  return deliver({ events, partitionCount: 3, batchRecords, runAfter: [] })
}
