import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellRun, type HeardFailure, type HeardVerdict } from './run-alerts.ts'
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
  return { score: 90, topologies: [], score_min: 50, failures: [], ...of }
}

test('a job has failed until it succeeds; one that was interrupted is as it was', () => {
  const standing = new StandingAlerts()
  tellRun({ ...run, state: 'failed', error: 'no room' }, standing)
  tellRun({ ...run, state: 'interrupted' }, standing)
  tellRun({ ...run, job: 'lake.cleanup', state: 'succeeded' }, standing)
  assert.deepEqual(told(standing), [['JobFailed', 'lake.write']])
  assert.match(standing.all()[0]?.what ?? '', /the run r1 of lake\.write failed: no room/)
  tellRun({ ...run, state: 'succeeded' }, standing)
  assert.deepEqual(told(standing), [])
})

test('each check that fails is told until a run that looked at its topology finds it good', () => {
  const standing = new StandingAlerts()
  const both = [scored('mcq', 2), scored('exams')]
  const failures = [failing('mcq', 'a'), failing('mcq', 'b'), failing('exams', 'c')]
  tellRun({ ...check, result: verdict({ topologies: both, failures, score: 40 }) }, standing)
  const all = [
    ['QualityCheckFailed', 'mcq mcq.facts a'],
    ['QualityCheckFailed', 'mcq mcq.facts b'],
    ['QualityCheckFailed', 'exams exams.facts c'],
    ['AnomaliesFound', 'mcq'],
    ['QualityCheckFailed', 'score'],
  ]
  assert.deepEqual(told(standing), all)
  assert.equal(standing.all()[0]?.what, 'Error: 2 of 4 rows fail a')
  tellRun({ ...check, result: { run_id: 'y', score: 99, is_known: true } }, standing)
  assert.deepEqual(told(standing), all, 'a run that was spared has looked at nothing')
  const mcq = verdict({ topologies: [scored('mcq')], failures: [failing('mcq', 'b')] })
  tellRun({ ...check, result: mcq }, standing)
  assert.deepEqual(told(standing), [
    ['QualityCheckFailed', 'exams exams.facts c'],
    ['QualityCheckFailed', 'mcq mcq.facts b'],
  ])
})
