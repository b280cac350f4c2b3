/**
 * Four streams of events that a ClickHouse materialized view gets wrong, and what Tidemark makes of them.
 * Both run on the same engine in this process: `node examples/materialized-views.ts` prints them side by side.
 *
 * The views are the patterns that event tables of learning platforms use: a view aggregates each inserted block
 * and a merging engine adds the blocks up or keeps the last of them. A view never sees more than one block, and
 * an event that comes again or late is one more block.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { loadConfiguration } from '../src/app/configuration.ts'
import { openInstance, type Instance } from '../src/app/instance.ts'

export interface Outcome {
  readonly scenario: string
  readonly question: string
  readonly view: unknown
  readonly tidemark: unknown
  readonly truth: unknown
}

interface Scenario {
  readonly name: string
  readonly question: string
  /** Tables and view of the pattern, in the database `views`. */
  readonly pattern: readonly string[]
  /** One insert a line, as the events came in. */
  readonly inserts: readonly string[]
  readonly viewQuery: string
  /** The same events, for Tidemark's topics. */
  readonly events: readonly (readonly [topic: string, ...values: object[]])[]
  readonly tidemarkQuery: string
  readonly truth: unknown
}

const start = Date.UTC(2026, 0, 5, 9)
const at = (seconds: number) => start + seconds * 1000

function answer(test: string, id: string, student: string, option: string, seconds: number) {
  return {
    answer_id: id,
    student_id: student,
    question_id: `${test}-q1`,
    test_id: test,
    submitted_option: option,
    timestamp: at(seconds),
  }
}

const scenarios: readonly Scenario[] = [
  {
    name: 'an option counted over three inserts',
    question: 'How many students chose option a?',
    pattern: [
      'CREATE TABLE views.answers1 (student String, option String) ENGINE = MergeTree ORDER BY student',
      'CREATE TABLE views.options1 (option String, n UInt64) ENGINE = ReplacingMergeTree ORDER BY option',
      'CREATE MATERIALIZED VIEW views.count1 TO views.options1 AS SELECT option, count() AS n FROM views.answers1 GROUP BY option',
    ],
    inserts: [
      "INSERT INTO views.answers1 VALUES ('ann', 'a')",
      "INSERT INTO views.answers1 VALUES ('bob', 'a')",
      "INSERT INTO views.answers1 VALUES ('cy', 'a')",
    ],
    viewQuery: "SELECT n AS result FROM views.options1 FINAL WHERE option = 'a'",
    events: [
      ['answers', answer('mv1', '1', 'ann', 'a', 1)],
      ['answers', answer('mv1', '2', 'bob', 'a', 2)],
      ['answers', answer('mv1', '3', 'cy', 'a', 3)],
    ],
    tidemarkQuery:
      "SELECT count() AS result FROM mcq.question_interaction_fact WHERE test_id = 'mv1' AND final_answer_option = 'a'",
    truth: 3,
  },
  {
    name: 'a changed answer',
    question: 'How many final answers are a, and how many b?',
    pattern: [
      'CREATE TABLE views.answers2 (student String, option String) ENGINE = MergeTree ORDER BY student',
      'CREATE TABLE views.options2 (option String, n UInt64) ENGINE = SummingMergeTree ORDER BY option',
      'CREATE MATERIALIZED VIEW views.count2 TO views.options2 AS SELECT option, count() AS n FROM views.answers2 GROUP BY option',
    ],
    inserts: [
      "INSERT INTO views.answers2 VALUES ('ann', 'a')",
      "INSERT INTO views.answers2 VALUES ('ann', 'b')",
    ],
    viewQuery:
      "SELECT [sumIf(n, option = 'a'), sumIf(n, option = 'b')] AS result FROM views.options2 FINAL",
    events: [
      ['answers', answer('mv2', '1', 'ann', 'a', 1)],
      ['answers', answer('mv2', '2', 'ann', 'b', 2)],
    ],
    tidemarkQuery:
      "SELECT [countIf(final_answer_option = 'a'), countIf(final_answer_option = 'b')] AS result FROM mcq.question_interaction_fact WHERE test_id = 'mv2'",
    truth: [0, 1],
  },
  {
    name: 'a late attempt',
    question: 'What is the last answer?',
    pattern: [
      'CREATE TABLE views.answers3 (student String, option String, time DateTime) ENGINE = MergeTree ORDER BY student',
      'CREATE TABLE views.last3 (student String, option String) ENGINE = ReplacingMergeTree ORDER BY student',
      'CREATE MATERIALIZED VIEW views.latest3 TO views.last3 AS SELECT student, argMax(option, time) AS option FROM views.answers3 GROUP BY student',
    ],
    inserts: [
      "INSERT INTO views.answers3 VALUES ('ann', 'newer', '2026-01-05 09:10:00')",
      "INSERT INTO views.answers3 VALUES ('ann', 'older', '2026-01-05 09:00:00')",
    ],
    viewQuery: "SELECT option AS result FROM views.last3 FINAL WHERE student = 'ann'",
    events: [
      ['answers', answer('mv3', '2', 'ann', 'newer', 600)],
      ['answers', answer('mv3', '1', 'ann', 'older', 0)],
    ],
    tidemarkQuery:
      "SELECT final_answer_option AS result FROM mcq.question_interaction_fact WHERE test_id = 'mv3'",
    truth: 'newer',
  },
  {
    name: 'a redelivered event',
    question: 'What is the sum of the scores?',
    pattern: [
      'CREATE TABLE views.scores4 (event String, student String, score Float64) ENGINE = MergeTree ORDER BY event',
      'CREATE TABLE views.sums4 (student String, score Float64) ENGINE = SummingMergeTree ORDER BY student',
      'CREATE MATERIALIZED VIEW views.sum4 TO views.sums4 AS SELECT student, sum(score) AS score FROM views.scores4 GROUP BY student',
    ],
    inserts: [
      "INSERT INTO views.scores4 VALUES ('e1', 'mv-ann', 70)",
      "INSERT INTO views.scores4 SETTINGS insert_deduplicate = 0 VALUES ('e1', 'mv-ann', 70)",
    ],
    viewQuery: "SELECT score AS result FROM views.sums4 FINAL WHERE student = 'mv-ann'",
    events: [
      [
        'exam_score',
        { exam: 900001, studentId: 'mv-ann', score: 70, event_id: 'e1', timestamp: at(0) },
      ],
      [
        'exam_score',
        { exam: 900001, studentId: 'mv-ann', score: 70, event_id: 'e1', timestamp: at(0) },
      ],
    ],
    tidemarkQuery:
      "SELECT arraySum(arrayMap(score -> ifNull(score, 0), scores_all)) AS result FROM exam_scores.student_average_score WHERE student_id = 'mv-ann'",
    truth: 70,
  },
]

const settleMs = 60_000

/** Runs all four on an instance of its own and answers what the views, Tidemark and the truth say. */
export async function runScenarios(): Promise<readonly Outcome[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-views-'))
  const configuration = loadConfiguration({
    flags: { dataDir: directory, topologies: ['mcq', 'exam-scores'], workers: 0 },
    environment: {},
    directory,
  })
  try {
    const instance = await openInstance(configuration, { listen: false })
    try {
      const { writer } = instance.services.clickhouse
      await writer.command({ query: 'CREATE DATABASE views' })
      const outcomes: Outcome[] = []
      for (const scenario of scenarios) outcomes.push(await run(scenario, instance, writer))
      return outcomes
    } finally {
      await instance.stop()
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function run(
  scenario: Scenario,
  instance: Instance,
  clickhouse: ClickHouseClient,
): Promise<Outcome> {
  for (const statement of [...scenario.pattern, ...scenario.inserts]) {
    await clickhouse.command({ query: statement })
  }
  for (const [topic, ...values] of scenario.events) {
    const response = await instance.apps.ingest.request(`/topics/${topic}`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: JSON.stringify({ records: values.map((value) => ({ value })) }),
    })
    if (!response.ok) throw new Error(`${topic}: ${await response.text()}`)
    // One batch an event, as they came.
    if (!(await instance.whenIdle(settleMs))) throw new Error(`${scenario.name}: not idle`)
  }
  return {
    scenario: scenario.name,
    question: scenario.question,
    view: await ask(clickhouse, scenario.viewQuery),
    tidemark: await ask(clickhouse, scenario.tidemarkQuery),
    truth: scenario.truth,
  }
}

async function ask(clickhouse: ClickHouseClient, query: string): Promise<unknown> {
  const result = await clickhouse.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  const [row] = await result.json<{ result: unknown }>()
  return row?.result ?? null
}

if (import.meta.main) {
  const outcomes = await runScenarios()
  console.table(
    outcomes.map(({ scenario, question, view, tidemark, truth }) => ({
      scenario,
      question,
      'materialized view': JSON.stringify(view),
      Tidemark: JSON.stringify(tidemark),
      truth: JSON.stringify(truth),
    })),
  )
}
