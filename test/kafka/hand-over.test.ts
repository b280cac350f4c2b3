/** Two instances as an operator runs them, with the settings that the product has by default; one is told to stop. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { crashEvents } from '../integration/support/crash-events.ts'
import { assertSameFacts, factsOf } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import type { InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import {
  openProductStage,
  statusOf,
  taskIds,
  untilRuns,
  untilShared,
  type ProductStage,
} from './support/product-stage.ts'

const events = crashEvents(11).slice(0, 2_000)
const topologies = ['mcq', 'exam-scores']
/** Of both topologies, with four partitions each; the pair of exam-scores has two sub-topologies. */
const standbysMin = 1

test('SIGTERM: the standby goes on with the tasks, and every fact is there once', async (t) => {
  const stage = await openProductStage(t, { topologies })
  if (stage === undefined) return
  const [first, second] = await startPair(stage)
  const all = await taskIds([first, second])
  const feed = new Feed(batchesOf(events, 50))
  for (let index = 0; index < feed.batches.length / 2; index++) await feed.send(second, index)
  const { code, tookMs } = await stopAndWatch(t, first, second, all)
  assert.equal(code, 0, first.output)
  t.diagnostic(`the process had ended after ${tookMs} ms`)
  await feed.sendRest(second)
  await second.idle()
  assertSameFacts(await factsOf(second), await stage.embedded(events, factsOf), 'the hand-over')
})

test('SIGTERM while ClickHouse hangs: the tasks are handed over, the exit code is 0, and no fact is missing', async (t) => {
  const stage = await openProductStage(t, { topologies })
  if (stage === undefined) return
  const [first, second] = await startPair(stage)
  const all = await taskIds([first, second])
  const feed = new Feed(batchesOf(events, 50))
  for (let index = 0; index < feed.batches.length / 2; index++) await feed.send(second, index)
  stage.clickhouse.freeze()
  await feed.sendRest(second)
  await until('facts wait for ClickHouse', async () =>
    (await statusOf(first)).sinkLag > 0 ? true : null,
  )
  const { code, tookMs } = await stopAndWatch(t, first, second, all)
  assert.equal(code, 0, first.output)
  assert.doesNotMatch(first.output, /not (stopped|closed) within/)
  t.diagnostic(`the process had ended after ${tookMs} ms`)
  stage.clickhouse.thaw()
  await second.idle()
  const expected = await stage.embedded(events, factsOf)
  assertSameFacts(await factsOf(second), expected, 'after ClickHouse was back')
})

/** So long that only who knows of the death goes on before it is over. */
const longSession = ['--kafka-session-timeout-ms', String(30 * 60_000)]

test('SIGKILL: the standby goes on without waiting for the session, and so does the next life of the one killed', async (t) => {
  const stage = await openProductStage(t, { topologies, words: longSession })
  if (stage === undefined) return
  const [first, second] = await startPair(stage)
  const all = await taskIds([first, second])
  const feed = new Feed(batchesOf(events, 50))
  for (let index = 0; index < feed.batches.length / 2; index++) await feed.send(second, index)
  const fromMs = performance.now()
  await first.end('SIGKILL')
  await untilRuns(second, all)
  t.diagnostic(
    `the other ran all ${all.length} tasks after ${Math.round(performance.now() - fromMs)} ms`,
  )
  assert.match(second.output, /is gone without a word/)
  await feed.sendRest(second)
  await second.idle()
  assertSameFacts(await factsOf(second), await stage.embedded(events, factsOf), 'the kill')
  // Nobody is left to tell of it.
  await second.end('SIGKILL')
  const again = await stage.start('two')
  await untilRuns(again, all)
})

async function startPair(
  stage: ProductStage,
): Promise<readonly [InstanceProcess, InstanceProcess]> {
  const pair = [await stage.start('one'), await stage.start('two')] as const
  await untilShared(pair, standbysMin)
  return pair
}

/** Prints for how long the tasks were nobody's, which depends on the machine and is not asserted. */
async function stopAndWatch(
  t: TestContext,
  first: InstanceProcess,
  second: InstanceProcess,
  all: readonly string[],
): Promise<{ readonly code: number | null; readonly tookMs: number }> {
  const fromMs = performance.now()
  const sinceMs = () => Math.round(performance.now() - fromMs)
  const ended = first.end('SIGTERM').then(({ code }) => ({ code, tookMs: sinceMs() }))
  await untilRuns(second, all)
  t.diagnostic(`the other ran all ${all.length} tasks after ${sinceMs()} ms`)
  assert.deepEqual(await taskIds([second]), all)
  return await ended
}
