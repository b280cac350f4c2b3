/**
 * A topic of more items than go into a record of 1 MiB, on topics that take no larger ones. A task whose record is refused
 * ends its instance for good, and the next start at the same place.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { CrashEvent } from '../integration/support/crash-events.ts'
import { ask } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import { configureTopic } from './support/configure-topic.ts'
import { openProductStage } from './support/product-stage.ts'

const items = 4_000
const baseMs = 1_767_225_600_000
const topics = [
  'papers-by-topic-repartition',
  'item-tallies-changelog',
  'more-item-tallies-changelog',
]

function attemptAt(number: number): CrashEvent {
  const timestamp = baseMs + number
  return {
    topic: 'user.attempts',
    value: {
      attempt_id: `a${number}`,
      user_id: `u${number % 20}`,
      // Nothing that compression makes small.
      item_id: createHash('shake256', { outputLength: 240 }).update(`${number}`).digest('base64'),
      correct: number % 3 > 0,
      time_taken_ms: 1_000,
      timestamp,
    },
    timestampMs: timestamp,
  }
}

void test('a topic with items of more than 1 MiB runs through, and starts again', async (t) => {
  const stage = await openProductStage(t, { topologies: ['adaptive-learning'] })
  if (stage === undefined) return
  const count = (running: Awaited<ReturnType<typeof stage.start>>) =>
    ask(
      running,
      'SELECT count(), min(test_items), max(test_items), min(test_learners) FROM adaptive_learning.item_statistics',
    )
  const first = await stage.start('one')
  for (const topic of topics) {
    const name = `adaptive-learning-${topic}`
    await configureTopic(stage.kafka, name, { 'max.message.bytes': `${1024 * 1024}` })
  }
  const attempts = Array.from({ length: items }, (_, number) => attemptAt(number))
  await new Feed(batchesOf(attempts, 1_000)).sendRest(first)
  await first.idle()
  assert.deepEqual(await count(first), [`${items}\t${items}\t${items}\t20`])
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
  // From nothing: all parts come back from their changelogs.
  const second = await stage.start('two')
  await new Feed(batchesOf([attemptAt(items)], 1)).sendRest(second)
  await second.idle()
  const all = `${items + 1}`
  assert.deepEqual(await count(second), [`${all}\t${all}\t${all}\t20`])
})
