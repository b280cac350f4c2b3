/**
 * All five topologies on Kafka: of two instances one is killed and comes back,
 * then the other is told to stop, while events come in. The facts and what was refused are those of the embedded profile
 * that nothing happened to.
 *
 *   TIDEMARK_TEST_SEED=N npm run test:kafka -- crash-topologies     the same events again
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundledTopologyNames } from '../../src/app/topologies.ts'
import { crashEvents } from '../integration/support/crash-events.ts'
import { crashWorlds } from '../integration/support/crash-worlds.ts'
import { assertSameFacts, factsAndRefusedOf } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import type { InstanceProcess } from '../integration/support/instance-process.ts'
import { Random, seedOfRun } from '../integration/support/random.ts'
import { openProductStage, taskIds, untilRuns, untilShared } from './support/product-stage.ts'

/** Few of each: what takes long here is the kill, not the load. */
const platform = { studentCount: 20, examScoreCount: 500, withEdnet: false }
const worldsOfEach = 80
/** The least that a broker takes: a killed instance's tasks wait for it. */
const sessionTimeoutMs = 6_000
const standbysMin = 1

void test('one instance is killed, the other is stopped: each fact is there once', async (t) => {
  const stage = await openProductStage(t, {
    topologies: bundledTopologyNames(),
    words: ['--kafka-session-timeout-ms', String(sessionTimeoutMs)],
  })
  if (stage === undefined) return
  const seed = seedOfRun()
  t.diagnostic(`TIDEMARK_TEST_SEED=${seed}`)
  const events = new Random(seed).shuffled([
    ...crashEvents(seed, platform),
    ...crashWorlds(seed, worldsOfEach),
  ])
  const feed = new Feed(batchesOf(events, 5))
  const third = Math.floor(feed.batches.length / 3)

  const first = await stage.start('one')
  const second = await stage.start('two')
  await untilShared([first, second], standbysMin)
  const all = await taskIds([first, second])
  await send(feed, first, 0, third)

  const killed = first.end('SIGKILL')
  await send(feed, second, third, 2 * third)
  await killed
  // What an importer had no answer to, it sends again.
  const random = new Random(seed)
  for (let again = 0; again < third / 4; again++) {
    await feed.send(second, random.between(0, 2 * third - 1))
  }
  await untilRuns(second, all)

  const back = await stage.start('one')
  await untilShared([back, second], standbysMin)
  const stopped = second.end('SIGTERM')
  await feed.sendRest(back)
  assert.equal((await stopped).code, 0, second.output)
  await untilRuns(back, all)
  await back.idle()

  const expected = await stage.embedded(events, factsAndRefusedOf)
  assertSameFacts(await factsAndRefusedOf(back), expected, `TIDEMARK_TEST_SEED=${seed}`)
  for (const [table, rows] of expected) {
    assert.ok(rows.length > 0, `${table} is empty: nothing to compare`)
  }
})

async function send(feed: Feed, instance: InstanceProcess, from: number, to: number) {
  for (let index = from; index < to; index++) await feed.send(instance, index)
}
