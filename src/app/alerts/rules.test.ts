import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offset, partition, topicName } from '../../core/record.ts'
import type { TopologyStatus } from '../../server/console/instance-status.ts'
import { AlertRules, type Look } from './rules.ts'

const bounds = {
  awayForMs: 60_000,
  lagMax: 100,
  lagForMs: 300_000,
  windowMs: 1_000,
  failuresMax: 10,
  quarantinedMax: 5,
}

function topology(of: Partial<TopologyStatus> = {}): TopologyStatus {
  return {
    ...{ name: 'mcq', group: 'stable', tasks: 1, processed: 0, recordsPerSecond: 0, lag: 0 },
    ...{ late: 0, dropped: 0, duplicates: 0, erased: 0, failures: [], quarantined: 0, warnings: 0 },
    ...{ skipped: 0, factsSkipped: 0, rowsWritten: 0, tablesMadeAnew: 0, tables: [] },
    ...of,
  }
}

function look(of: Partial<Look> = {}, status: Partial<Look['status']> = {}): Look {
  const calm = { state: 'running', trouble: null, topologies: [topology()] } as const
  return {
    status: { ...calm, tasks: [], ingest: [], skips: [], ...status },
    ...{ pausedFacts: [], quarantineLag: 0, outage: null, unreadPartitions: null },
    ...of,
  }
}

function found(seen: Look) {
  return new AlertRules(bounds)
    .conditions(seen, 0)
    .map(({ name, labels, forMs }) => [name, labels, forMs])
}

test('an instance that works has nothing to tell', () => {
  assert.deepEqual(found(look()), [])
  const atBounds = topology({ lag: 100, quarantined: 5, tables: [{ name: 't', lag: 100 }] })
  assert.deepEqual(found(look({ quarantineLag: 100 }, { topologies: [atBounds] })), [])
})

test('each trouble of an instance has its name, its place, and its time', () => {
  const waiting = { id: 'mcq:0_1', state: 'running', waitingFor: 'disk', lag: 0 }
  const status = { state: 'failed', trouble: 'SINK_REFUSED: no', tasks: [waiting] } as const
  const seen = look({ outage: 'gone', unreadPartitions: 'two more' }, status)
  assert.deepEqual(found(seen), [
    ['InstanceFailed', {}, 0],
    ['BrokersAway', {}, 60_000],
    ['PartitionsAdded', {}, 0],
    ['DiskFull', {}, 60_000],
  ])
  const [failed] = new AlertRules(bounds).conditions(seen, 0)
  assert.equal(failed?.what, 'SINK_REFUSED: no')
  assert.match(failed.mend, /errors\.md/)
})

test('facts that wait are one alert, and none while the brokers are why', () => {
  const pausedFacts = [
    { topology: 'mcq', reason: 'refused' },
    { topology: 'exam-scores', reason: 'refused' },
  ]
  const [alert] = new AlertRules(bounds).conditions(look({ pausedFacts }), 0)
  assert.deepEqual([alert?.name, alert?.forMs], ['FactsPaused', 60_000])
  assert.equal(alert?.what, 'facts of mcq, exam-scores wait: refused')
  assert.deepEqual(found(look({ pausedFacts, outage: 'gone' })), [['BrokersAway', {}, 60_000]])
})

test('each group is told by its own lag: of records, of facts, and of the quarantine', () => {
  const tables = [
    { name: 'a', lag: 60 },
    { name: 'b', lag: 41 },
  ]
  const seen = look({ quarantineLag: 101 }, { topologies: [topology({ lag: 101, tables })] })
  assert.deepEqual(found(seen), [
    ['GroupLag', { group: 'mcq' }, 300_000],
    ['GroupLag', { group: 'mcq-clickhouse' }, 300_000],
    ['GroupLag', { group: 'tidemark-clickhouse' }, 300_000],
  ])
})

test('records that fail or are refused are told by how fast they come, not by how many there were', () => {
  const rules = new AlertRules(bounds)
  const at = (nowMs: number, failed: number, quarantined: number) => {
    const failures = [{ node: 'rate', count: failed, last: 'division by zero' }]
    const ingest = [{ topic: 'answers', taken: 0, refused: 0, quarantined, warnings: 0 }]
    const topologies = [topology({ failures, quarantined: failed })]
    return rules.conditions(look({}, { topologies, ingest }), nowMs)
  }
  assert.deepEqual(at(0, 4, 5), [])
  const [failing, here, door] = at(500, 15, 6)
  assert.deepEqual(failing?.labels, { topology: 'mcq', node: 'rate' })
  assert.match(failing.what, /15 records failed at node rate in 1 s, .*: division by zero/)
  assert.deepEqual([here?.name, here?.labels], ['QuarantineGrowing', { topology: 'mcq' }])
  assert.deepEqual([door?.name, door?.labels], ['QuarantineGrowing', { topic: 'answers' }])
  assert.deepEqual(at(2_000, 15, 6), [])
})

test('what the log removed unread is told for as long as the window lasts', () => {
  const rules = new AlertRules(bounds)
  const skip = {
    ...{ group: 'mcq', topic: topicName('answers'), partition: partition(0), offsets: 3 },
    ...{ from: offset(0), to: offset(3), atMs: 0 },
  }
  const seen = look({}, { skips: [skip, { ...skip, partition: partition(1), offsets: 4 }] })
  const [lost] = rules.conditions(seen, 0)
  assert.deepEqual([lost?.name, lost?.labels], ['RecordsLost', { group: 'mcq' }])
  assert.match(lost?.what ?? '', /removed 7 offsets/)
  assert.equal(rules.conditions(seen, 500).length, 1)
  assert.equal(rules.conditions(seen, 2_000).length, 0)
})
