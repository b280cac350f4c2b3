/**
 * What grows with its events: a state, its changelog record and its facts above the 1 MiB that a topic takes by itself. A task
 * whose record is refused ends its instance for good, and the next start at the same place.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { CrashEvent } from '../integration/support/crash-events.ts'
import { ask } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import { openProductStage } from './support/product-stage.ts'

const scores = 2_000
const baseMs = 1_700_000_000_000

/** Nothing that compression makes small. */
function longId(number: number): string {
  return createHash('shake256', { outputLength: 600 }).update(`${number}`).digest('base64')
}

const events = Array.from({ length: scores }, (_, number): CrashEvent => {
  const event_id = longId(number)
  return {
    topic: 'exam_score',
    value: { exam: 7, studentId: `s${number}`, score: number % 100, event_id },
    timestampMs: baseMs + number,
  }
})

void test('an exam with a list above 1 MiB runs through, and starts again', async (t) => {
  const stage = await openProductStage(t, { topologies: ['exam-scores'] })
  if (stage === undefined) return
  const count = (running: Awaited<ReturnType<typeof stage.start>>) =>
    ask(running, 'SELECT length(scores_all) FROM exam_scores.exam_average_score')
  const first = await stage.start('one')
  await new Feed(batchesOf(events, 500)).sendRest(first)
  await first.idle()
  assert.deepEqual(await count(first), [String(scores)])
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
  // From nothing: the large value comes back from its changelog.
  const second = await stage.start('two')
  const value = { exam: 7, studentId: 'more', score: 1, event_id: 'one more' }
  const more: CrashEvent = { topic: 'exam_score', value, timestampMs: baseMs }
  await new Feed(batchesOf([more], 1)).sendRest(second)
  await second.idle()
  assert.deepEqual(await count(second), [String(scores + 1)])
})
