/** An answer to a question of another test: it counts where it was given, is told, and is no item there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FactTable } from '../../src/core/fact-table.ts'
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import mcq, { factTables } from '../../topologies/mcq.ts'
import { delivering } from './deliver.ts'
import type { SourceEvent } from './scenario.ts'

const startMs = 1_760_000_000_000
const subject = { graph: mcq, factTables: factTables as readonly FactTable[] }

function event(topic: string, atMs: number, value: SourceEvent['value']): SourceEvent {
  return { topic, value, timestampMs: startMs + atMs }
}

const ofTest = { student_id: 'ann', test_id: 't1' }
const tests = [
  { test_id: 't1', total_questions: 2 },
  { test_id: 't2', total_questions: 1 },
].map((value) => event('tests', 0, { ...value, teacher_id: null, test_name: null, created_at: 0 }))

function question(question_id: string, test_id: string, atMs = 0): SourceEvent {
  const value = { question_id, test_id, correct_option: 'A', question_text: null }
  return event('questions', atMs, value)
}

const answers = ['q1', 'q2', 'x1'].map((question_id, index) => {
  const option = { submitted_option: 'A', session_id: null, timestamp: startMs + index }
  return event('answers', index, { ...ofTest, answer_id: question_id, question_id, ...option })
})
const submission = event('submissions', 10, {
  ...ofTest,
  submit_time: startMs + 10,
  completion_status: 'completed',
})
const known = [question('q1', 't1'), question('q2', 't1'), question('x1', 't2')]

/** Each event in a batch of its own. */
const orders: Record<string, readonly SourceEvent[]> = {
  'before the answer': [...tests, ...known, ...answers, submission],
  'after the answer': [...tests, ...answers, ...known, submission],
  'after the submission': [...answers, submission, ...known, ...tests],
  'of this test first, and of the other later': [
    ...[...tests, ...answers, submission, question('q1', 't1'), question('q2', 't1')],
    ...[question('x1', 't1'), question('x1', 't2', 1)],
  ],
  'of the other test by the later version, which comes first': [
    ...[...tests, question('x1', 't2', 1), ...answers, submission],
    ...[question('x1', 't1'), question('q1', 't1'), question('q2', 't1')],
  ],
}

for (const [when, events] of Object.entries(orders)) {
  test(`a question known ${when} is no item of the test in which it was answered`, async () => {
    const deliver = await delivering(subject)
    const runAfter = events.map((_event, index) => index)
    const tables = await deliver({ events, partitionCount: 3, batchRecords: 1, runAfter })
    const items = tables['item_statistics'] ?? []
    assert.deepEqual(
      items.map((item) => [item['test_id'], item['question_id'], item['test_items']]),
      [
        ['t1', 'q1', 2],
        ['t1', 'q2', 2],
      ],
    )
    const [summary] = tables['test_summary_fact'] ?? []
    assert.equal(summary?.['questions_attempted'], 3)
    assert.equal(tables['question_interaction_fact']?.length, 3)
  })
}

test('a question that comes back to its test is an item again', async () => {
  const deliver = await delivering(subject)
  const away = [...tests, ...known, ...answers, submission]
  const events = [...away, question('x1', 't1', 2)]
  const runAfter = events.map((_event, index) => index)
  const tables = await deliver({ events, partitionCount: 1, batchRecords: 1, runAfter })
  assert.deepEqual(
    tables['item_statistics']?.map((item) => [item['question_id'], item['test_items']]),
    [
      ['q1', 3],
      ['q2', 3],
      ['x1', 3],
    ],
  )
})

test('an answer to a question of another test is a warning; one to a question that nobody knows is none', async () => {
  const driver = await TopologyTestDriver.open(mcq, { partitionCount: 1 })
  try {
    const send = async (events: readonly SourceEvent[]) => {
      for (const { topic, value, timestampMs } of events) {
        const source = mcq.nodes.find((node) => node.kind === 'source' && node.topic.name === topic)
        assert.ok(source?.kind === 'source', topic)
        await driver.send(source.topic, [{ value, timestampMs }])
        await driver.run()
      }
      return driver.counts().warnings
    }
    assert.equal(await send([...tests, ...answers]), 0)
    assert.equal(await send(known), 0)
    const again = answers.map((each) => {
      const { question_id } = each.value
      return { ...each, value: { ...each.value, answer_id: `${String(question_id)}-again` } }
    })
    assert.equal(await send(again), 1)
    assert.equal(driver.counts().quarantined, 0)
  } finally {
    await driver.close()
  }
})
