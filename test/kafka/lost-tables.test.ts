/** A ClickHouse that loses a database, or all it has, under running instances: it is told, and the rows come back by themselves. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { crashEvents } from '../integration/support/crash-events.ts'
import { ask, assertSameFacts, factsOf } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import type { InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import { openProductStage, statusOf, type ProductStage } from './support/product-stage.ts'

const events = crashEvents(31).slice(0, 1_500)
const topologies = ['mcq', 'exam-scores']
const thereAgain = 'the tables that were lost hold what their topics hold again'

async function troubleOf(running: InstanceProcess): Promise<string | null> {
  const answer = await fetch(running.url('console', '/readyz'))
  return ((await answer.json()) as { trouble: string | null }).trouble
}

async function madeAnew(running: InstanceProcess): Promise<number> {
  const text = await (await fetch(running.url('console', '/metrics'))).text()
  const counts = text.matchAll(/^tidemark_fact_tables_made_anew_total\{[^}]*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Versions too: they say which epoch every row is of. */
const versionsOf = (running: InstanceProcess) =>
  ask(running, 'SELECT exam_id, version FROM exam_scores.exam_average_score ORDER BY ALL')
const epochsOf = (running: InstanceProcess) =>
  ask(running, 'SELECT topic, topic_id, epoch FROM tidemark.fact_epochs FINAL ORDER BY ALL')

async function handle(t: TestContext, { clickhouse }: ProductStage) {
  const opened = await openClickHouse({ url: clickhouse.url })
  t.after(() => opened.close())
  return (query: string) => opened.writer.command({ query })
}

void test('a database dropped while nothing comes in: trouble, and then the rows as before', async (t) => {
  const stage = await openProductStage(t, { topologies })
  if (stage === undefined) return
  const running = await stage.start('one')
  await new Feed(batchesOf(events, 500)).sendRest(running)
  await running.idle()
  const facts = await factsOf(running)
  const versions = await versionsOf(running)
  const run = await handle(t, stage)
  // The set-up waits for its lock, so that there is time to see what is told meanwhile.
  await run(`CREATE TABLE tidemark.schema_lock (holder String) ENGINE = Null COMMENT 'test a test'`)
  await run('DROP DATABASE exam_scores SYNC')
  await running.prints('facts of exam-scores: ClickHouse has no table exam_scores.')
  assert.match(
    (await troubleOf(running)) ?? '',
    /^facts of exam-scores: paused: .*made anew and filled/,
  )
  const idle = await fetch(running.url('console', '/api/idle?timeout_ms=200'))
  assert.deepEqual(await idle.json(), { idle: false })
  await run('DROP TABLE tidemark.schema_lock')
  await running.prints(`facts of exam-scores: ${thereAgain}`)
  await running.idle()
  assertSameFacts(await factsOf(running), facts, 'the database that was dropped')
  assert.deepEqual(await versionsOf(running), versions)
  await until('the trouble is over', async () =>
    (await troubleOf(running)) === null ? true : null,
  )
  assert.doesNotMatch(running.output, /facts of mcq: /)
  assert.ok((await madeAnew(running)) > 0)
  assert.equal((await running.end('SIGTERM')).code, 0, running.output)
})

void test('all of ClickHouse lost while two instances write: no row is missing, and epochs stay', async (t) => {
  const stage = await openProductStage(t, { topologies })
  if (stage === undefined) return
  const [first, second] = [await stage.start('one'), await stage.start('two')]
  const feed = new Feed(batchesOf(events, 50))
  const half = Math.floor(feed.batches.length / 2)
  for (let index = 0; index < half; index++) await feed.send(first, index)
  await first.idle()
  const epochs = await epochsOf(first)
  const lost = stage.clickhouse.lose()
  for (let index = half; index < feed.batches.length; index++) {
    await feed.send(index % 2 === 0 ? first : second, index)
  }
  await lost
  // The quarantine and the runs are facts, too.
  for (const running of [first, second]) {
    await until('nothing is missing any more', async () => {
      const { trouble, sinkLag, state } = await statusOf(running)
      assert.equal(state, 'running', running.output)
      return trouble === null && sinkLag === 0 ? true : null
    })
    await running.idle()
  }
  const expected = await stage.embedded(events, factsOf)
  assertSameFacts(await factsOf(first), expected, 'after the loss')
  assert.deepEqual(await epochsOf(first), epochs)
  for (const running of [first, second]) {
    assert.equal((await running.end('SIGTERM')).code, 0, running.output)
  }
})
