import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlertBook } from './alert-book.ts'
import { RunAlerts, type HeardFailure, type HeardVerdict } from './run-alerts.ts'
import { StandingAlerts } from './standing-alerts.ts'

const run = { runId: 'r1', job: 'lake.write' }
const check = { runId: 'r2', job: 'quality.check', state: 'succeeded' } as const

function told(standing: StandingAlerts) {
  return standing.all().map(({ name, labels }) => [name, Object.values(labels).join(' ')])
}

function scored(topology: string, anomalies = 0) {
  return { topology, anomalies }
}

function failing(topology: string, name: string): HeardFailure {
  const counts = { level: 'Error', rows: 4, failed: 2, detail: '' } as const
  return { topology, table: `${topology}.facts`, check: name, ...counts }
}

function verdict(of: Partial<HeardVerdict>): HeardVerdict {
  return { run_id: 'q1', score: 90, topologies: [], score_min: 50, failures: [], ...of }
}

test('a job has failed until it succeeds; one that was interrupted is as it was', () => {
  const standing = new StandingAlerts()
  const runs = new RunAlerts(standing)
  runs.tell({ ...run, state: 'failed', error: 'no room' })
  runs.tell({ ...run, state: 'interrupted' })
  runs.tell({ ...run, job: 'lake.cleanup', state: 'succeeded' })
  assert.deepEqual(told(standing), [['JobFailed', 'lake.write']])
  assert.match(standing.all()[0]?.what ?? '', /the run r1 of lake\.write failed: no room/)
  runs.tell({ ...run, state: 'succeeded' })
  assert.deepEqual(told(standing), [])
})

test('each check that fails is told until a run that looked at its topology finds it good', () => {
  const standing = new StandingAlerts()
  const runs = new RunAlerts(standing)
  const both = [scored('mcq', 2), scored('exams')]
  const failures = [failing('mcq', 'a'), failing('mcq', 'b'), failing('exams', 'c')]
  runs.tell({ ...check, result: verdict({ topologies: both, failures, score: 40 }) })
  const all = [
    ['QualityCheckFailed', 'mcq mcq.facts a'],
    ['QualityCheckFailed', 'mcq mcq.facts b'],
    ['QualityCheckFailed', 'exams exams.facts c'],
    ['AnomaliesFound', 'mcq'],
    ['QualityCheckFailed', 'score'],
  ]
  assert.deepEqual(told(standing), all)
  assert.equal(standing.all()[0]?.what, 'Error: 2 of 4 rows fail a')
  runs.tell({ ...check, result: { run_id: 'q1', score: 99, is_known: true } })
  assert.deepEqual(told(standing), all, 'a run that was spared has looked at nothing')
  const mcq = verdict({ topologies: [scored('mcq')], failures: [failing('mcq', 'b')] })
  runs.tell({ ...check, result: mcq })
  assert.deepEqual(told(standing), [
    ['QualityCheckFailed', 'exams exams.facts c'],
    ['QualityCheckFailed', 'mcq mcq.facts b'],
  ])
})

test('what another instance has measured since is told by that one, and by this one nothing is over', () => {
  const standing = new StandingAlerts()
  const runs = new RunAlerts(standing)
  runs.tell({ ...run, state: 'failed', error: 'no room' })
  const failures = [failing('mcq', 'a')]
  runs.tell({ ...check, result: verdict({ topologies: [scored('mcq')], failures }) })
  const book = new AlertBook({ groupWaitMs: 0, repeatIntervalMs: 100 })
  book.look(standing.all(), 0)
  assert.equal(book.take(0).length, 2)
  runs.tell({ ...check, result: { run_id: 'q2', score: 99, is_known: true } })
  assert.deepEqual(told(standing), [['JobFailed', 'lake.write']])
  for (const key of standing.takeHandedOver()) book.forget(key)
  assert.deepEqual(standing.takeHandedOver(), [])
  book.look(standing.all(), 10)
  assert.deepEqual(book.take(10), [])
})
