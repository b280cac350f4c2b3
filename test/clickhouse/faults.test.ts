/** Facts into a ClickHouse behind faults: what the table holds in the end is the last version of every key. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import type { ClickHouse } from '../../src/sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { FactConsumer } from '../../src/sinks/fact-consumer.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import {
  append,
  currentRows,
  expectedRows,
  makeTable,
  openLog,
  randomFrom,
  source,
  table,
} from './support/averages.ts'
import { ClickHouseProcess } from './support/clickhouse-process.ts'
import { everyFault, FaultProxy } from './support/fault-proxy.ts'

const seed = Number(process.env['SEED'] ?? 20_260_101)

describe('a ClickHouse behind faults', () => {
  let server: ClickHouseProcess
  let proxy: FaultProxy
  let direct: ClickHouse
  let through: ClickHouse

  before(async () => {
    server = await ClickHouseProcess.start()
    proxy = await FaultProxy.open(server.url)
    direct = await openClickHouse({ url: server.url })
    await makeTable(direct)
    through = await openClickHouse({ url: proxy.url, requestTimeoutMs: 20_000 })
  })
  after(async () => {
    await through.close()
    await direct.close()
    await proxy.close()
    await server.remove()
  })
  beforeEach(async () => {
    proxy.faultOf = () => null
    proxy.isAway = false
    proxy.struck.clear()
    await direct.writer.command({ query: 'TRUNCATE TABLE exams.averages_versions' })
  })

  const newSink = () =>
    new ClickHouseSink({
      clickhouse: through,
      clock: systemClock,
      migrationsDirectory: null,
      attemptsMax: 2,
      retryFirstMs: 1,
      retryMaxMs: 10,
      unavailableMaxMs: 20,
    })
  const newConsumer = (log: Awaited<ReturnType<typeof openLog>>, sink: Sink) =>
    new FactConsumer({
      name: 'faults',
      log,
      sink,
      clock: systemClock,
      facts: [source],
      epoch: 3,
      rowsMin: 20,
      rowsMax: 60,
      ageMaxMs: 5,
      idleWaitMs: 10,
    })

  /** 6,000 facts of 200 students on three partitions, given and deleted in pieces, while every third insert fails. */
  async function run(sink: Sink): Promise<{ isExact: () => Promise<void> }> {
    const random = randomFrom(seed)
    const log = await openLog(3)
    const consumer = newConsumer(log, sink)
    let turn = 0
    proxy.faultOf = () => {
      turn += 1
      if (turn % 3 !== 0) return null
      return everyFault[Math.floor(turn / 3) % everyFault.length] ?? null
    }
    await consumer.start()
    for (let piece = 0; piece < 120; piece++) {
      const facts = Array.from({ length: 50 }, () => {
        const student = `s${Math.floor(random() * 200)}`
        return [student, random() < 0.1 ? null : Math.floor(random() * 1e6)] as const
      })
      await append(log, facts)
      if (piece % 20 === 10) {
        proxy.isAway = true
        await pauseUntil(() => (proxy.struck.get('away') ?? 0) > piece / 20)
        proxy.isAway = false
      }
    }
    await consumer.drain()
    assert.equal(consumer.status().state, 'running', String(consumer.status().reason))
    await consumer.stop()
    return {
      isExact: async () => {
        assert.deepEqual(await currentRows(direct), await expectedRows(log, 3))
        await log.close()
      },
    }
  }

  test(`rows equal the topic's last versions whatever strikes the inserts (seed ${seed})`, async () => {
    const { isExact } = await run(newSink())
    for (const fault of everyFault) assert.ok((proxy.struck.get(fault) ?? 0) > 0, `${fault} struck`)
    assert.ok((proxy.struck.get('away') ?? 0) > 0, 'the server was away')
    await isExact()
  })

  test('the same run without a second attempt loses rows: the check can fail', async () => {
    const real = newSink()
    const once: Sink = {
      setup: () => real.setup(),
      identitiesOf: (names) => real.identitiesOf(names),
      close: () => real.close(),
      write: async (batches) => {
        try {
          await new ClickHouseSink({
            clickhouse: through,
            clock: systemClock,
            migrationsDirectory: null,
            attemptsMax: 1,
          }).write(batches)
        } catch (thrown) {
          if (!(thrown instanceof TidemarkError) || thrown.code !== 'SINK_UNAVAILABLE') throw thrown
        }
      },
    }
    const { isExact } = await run(once)
    await assert.rejects(isExact())
  })

  test('a server that is killed and comes back gets everything', async () => {
    const log = await openLog(2)
    const consumer = newConsumer(log, newSink())
    await consumer.start()
    for (let round = 0; round < 3; round++) {
      await append(log, facts(round, 400))
      if (round === 1) await server.stop('SIGKILL')
      else await consumer.drain()
      if (round === 1) {
        await pauseUntil(() => consumer.status().state === 'paused')
        assert.ok(consumer.status().lagTotal > 0)
        await server.start()
      }
    }
    await consumer.drain()
    await consumer.stop()
    assert.deepEqual(await currentRows(direct), await expectedRows(log, 3))
    await log.close()
  })

  test('while ClickHouse has too many parts, fewer and larger batches come', async () => {
    const log = await openLog(1)
    const consumer = new FactConsumer({
      name: 'slow',
      log,
      sink: newSink(),
      clock: systemClock,
      facts: [source],
      epoch: 3,
      rowsMin: 10,
      rowsMax: 10_000,
      ageMaxMs: 1,
      idleWaitMs: 10,
    })
    let refusals = 2
    proxy.faultOf = () => (refusals-- > 0 ? 'too-many-parts' : null)
    await consumer.start()
    await append(log, facts(0, 20))
    await pauseUntil(() => (proxy.struck.get('too-many-parts') ?? 0) === 1)
    const before = proxy.insertBytes.length
    for (let piece = 1; piece <= 20; piece++) await append(log, facts(piece, 20))
    await consumer.drain()
    await consumer.stop()
    // The refused one again, and the other 400 facts in one or two instead of twenty.
    assert.ok(
      proxy.insertBytes.length - before <= 5,
      `${proxy.insertBytes.length - before} inserts`,
    )
    assert.deepEqual(await currentRows(direct), await expectedRows(log, 3))
    await log.close()
  })

  test('a wrong password, an unknown database and no server are told apart', async () => {
    const guarded = await ClickHouseProcess.start(['ingest', 'geheim'])
    try {
      const open = (url: string, password: string) =>
        openClickHouse({ url, username: 'ingest', password })
      await assert.rejects(open(guarded.url, 'falsch'), {
        code: 'SINK_REFUSED',
        message: /set clickhouse\.username and clickhouse\.password/,
      })
      await assert.rejects(open(`${guarded.url}/nowhere`, 'geheim'), {
        code: 'SINK_REFUSED',
        message: /nowhere.*the database is not there/,
      })
      await (await open(guarded.url, 'geheim')).close()
    } finally {
      await guarded.remove()
    }
    await assert.rejects(openClickHouse({ url: guarded.url }), { code: 'SINK_UNAVAILABLE' })
  })

  test('inserts are compressed', async () => {
    const bytes = proxy.insertBytes.length
    const rows = Array.from({ length: 2_000 }, (_, index) => ({
      student_id: `student ${index}`,
      average: index,
      event_time: 1,
      known_at: 1,
      version: BigInt(index),
      is_deleted: 0,
    }))
    await newSink().write([{ table, rows }])
    assert.equal((await currentRows(direct)).length, 2_000)
    assert.ok((proxy.insertBytes[bytes] ?? Infinity) < 40_000, `${proxy.insertBytes[bytes]} bytes`)
  })
})

function facts(round: number, count: number) {
  return Array.from(
    { length: count },
    (_, index) => [`s${index % 50}`, round * 1000 + index] as const,
  )
}

async function pauseUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
