/** Rebuilds that last, meet each other, lose their lock or are killed: no row is lost, and nothing is left behind. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock, type Clock } from '../../src/core/clock.ts'
import type { StoredLog } from '../../src/log/stored-log.ts'
import type { ClickHouse } from '../../src/sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { rebuildFacts, type RebuildOptions } from '../../src/sinks/clickhouse/rebuild-facts.ts'
import { FactConsumer } from '../../src/sinks/fact-consumer.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import {
  append,
  currentRows,
  expectedRows,
  makeTable,
  openLog,
  source,
} from './support/averages.ts'
import { ClickHouseProcess } from './support/clickhouse-process.ts'
import { watchedHandle } from './support/watched-handle.ts'

const epoch = 1
/** Each fact is a fetch and a write of its own. */
const batches = { rowsMin: 1, rowsMax: 1, bytesMax: 1, ageMaxMs: 1, fetchBytesMax: 1 }
const students = Array.from({ length: 6 }, (_, n) => [`s${n}`, n] as const)

describe('a rebuild', () => {
  let server: ClickHouseProcess
  let clickhouse: ClickHouse
  let log: StoredLog

  before(async () => {
    server = await ClickHouseProcess.start()
    clickhouse = await openClickHouse({ url: server.url })
  })
  after(async () => {
    await clickhouse.close()
    await server.remove()
  })
  beforeEach(async () => {
    for (const database of ['tidemark', 'exams']) {
      await clickhouse.writer.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    }
    await makeTable(clickhouse)
    log = await openLog(2)
    for (const student of students) await append(log, [student])
    await rebuildFacts(optionsOf({}))
    await isWhole()
  })

  const sinkOf = (handle: ClickHouse) =>
    new ClickHouseSink({ clickhouse: handle, clock: systemClock, migrationsDirectory: null })
  const optionsOf = (own: Partial<RebuildOptions>): RebuildOptions => ({
    log,
    clickhouse,
    sink: sinkOf(own.clickhouse ?? clickhouse),
    clock: systemClock,
    facts: [source],
    epochOf: () => epoch,
    batches,
    ...own,
  })
  const consumerOf = (clock: Clock = systemClock) =>
    new FactConsumer({
      name: 'rebuild',
      log,
      sink: sinkOf(clickhouse),
      clock,
      facts: [source],
      epoch,
      ageMaxMs: 1,
      idleWaitMs: 5,
      tableCheckMs: 200,
    })

  async function hasAllRows(): Promise<void> {
    assert.deepEqual(await currentRows(clickhouse), await expectedRows(log, epoch))
  }

  /** Nothing of a rebuild or of a lock is left either. */
  async function isWhole(): Promise<void> {
    await hasAllRows()
    assert.deepEqual(await tables(clickhouse), ['exams.averages', 'exams.averages_versions'])
  }

  /** Writes like the sink, and stays in the write that is asked for until it is let go on. */
  function stopping(at: number) {
    const sink = sinkOf(clickhouse)
    const reached = Promise.withResolvers<undefined>()
    const gate = Promise.withResolvers<undefined>()
    let writes = 0
    const held: Sink = {
      setup: () => sink.setup(),
      identitiesOf: (names) => sink.identitiesOf(names),
      close: () => sink.close(),
      write: async (rows) => {
        await sink.write(rows)
        writes += 1
        if (writes !== at) return
        reached.resolve(undefined)
        await gate.promise
      },
    }
    return { sink: held, reached: reached.promise, goOn: () => gate.resolve(undefined) }
  }

  test('that lasts longer than its lease keeps the lock, and a second one is told who has it', async () => {
    const leaseMs = 2_000
    const { sink, reached, goOn } = stopping(3)
    const first = rebuildFacts(optionsOf({ sink, leaseMs }))
    await reached
    // By the server's clock, in whole seconds, as the lease.
    while (((await lockAgeMs(clickhouse)) ?? 0) <= leaseMs);
    const waits: string[] = []
    const second = { leaseMs, waitMaxMs: 0, onWait: (line: string) => waits.push(line) }
    const who = `a rebuild of tables on .+, process ${process.pid}`
    await assert.rejects(rebuildFacts(optionsOf(second)), {
      code: 'SINK_UNAVAILABLE',
      message: new RegExp(`held by ${who}`),
    })
    goOn()
    await first
    await isWhole()
  })

  test('that is begun while another works waits for it, and says so', async () => {
    const { sink, reached, goOn } = stopping(3)
    const first = rebuildFacts(optionsOf({ sink }))
    await reached
    const told = Promise.withResolvers<string>()
    const second = rebuildFacts(optionsOf({ onWait: told.resolve }))
    assert.match(await told.promise, /waiting for a rebuild of tables on .+, process \d+/)
    goOn()
    await Promise.all([first, second])
    await isWhole()
  })

  test('that has lost its lock ends before the exchange, and the next one is whole', async () => {
    const first = stopping(5)
    const second = stopping(1)
    const losing = rebuildFacts(optionsOf({ sink: first.sink }))
    await first.reached
    // Any lock is older than a lease that is over before it begins.
    const winning = rebuildFacts(optionsOf({ sink: second.sink, leaseMs: -1 }))
    await second.reached
    first.goOn()
    await assert.rejects(losing, {
      code: 'JOB_INTERRUPTED',
      message: /held by a rebuild of tables/,
    })
    await hasAllRows()
    second.goOn()
    await winning
    await isWhole()
  })

  test('that is suspended between its last look at the lock and the exchange exchanges nothing', async () => {
    const reached = Promise.withResolvers<undefined>()
    const gate = Promise.withResolvers<undefined>()
    const handle = watchedHandle(clickhouse, async (query) => {
      if (!query.startsWith('EXCHANGE')) return
      reached.resolve(undefined)
      await gate.promise
    })
    const losing = rebuildFacts(optionsOf({ clickhouse: handle }))
    await reached.promise
    const second = stopping(1)
    const winning = rebuildFacts(optionsOf({ sink: second.sink, leaseMs: -1 }))
    await second.reached
    gate.resolve(undefined)
    await assert.rejects(losing, { code: 'SINK_REFUSED' })
    await hasAllRows()
    second.goOn()
    await winning
    await isWhole()
  })

  test('killed before any of its steps loses no row while instances run, and the next one clears it away', async (t) => {
    const consumer = consumerOf()
    t.after(() => consumer.stop())
    await consumer.start()
    let isOver = false
    let kills = 0
    for (let lives = 0; !isOver; lives += 1) {
      const killed = await killedAfter(lives, async () => {
        // In the old table, and in no shadow.
        await append(log, [[`late${lives}`, lives]])
        await consumer.drain()
      })
      isOver = !killed
      if (killed) kills += 1
      await consumer.drain()
      await hasAllRows()
      await rebuildFacts(optionsOf({ leaseMs: -1, batches: large }))
      await consumer.drain()
      await isWhole()
    }
    assert.ok(kills > 15, `${kills} steps`)
  })

  /** False where the rebuild had ended before. */
  async function killedAfter(steps: number, onExchange: () => Promise<void>): Promise<boolean> {
    const death = Promise.withResolvers<'killed'>()
    const timers = new Set<() => void>()
    let left = steps
    const handle = watchedHandle(clickhouse, async (query) => {
      if (left === 0) {
        // A process that is gone asks nothing more, and renews nothing.
        for (const cancel of timers) cancel()
        death.resolve('killed')
        return await new Promise<never>(() => {})
      }
      left -= 1
      if (query.startsWith('EXCHANGE')) await onExchange()
    })
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, wake) => {
        const cancel = systemClock.after(delayMs, wake)
        timers.add(cancel)
        return cancel
      },
    }
    const rebuilding = rebuildFacts(optionsOf({ clickhouse: handle, clock, batches: large }))
    return (await Promise.race([rebuilding, death.promise])) === 'killed'
  }

  test('is followed by both of two instances, of which one is started anew', async (t) => {
    const [first, second, restarted] = [consumerOf(), consumerOf(), consumerOf()]
    t.after(() => Promise.all([first.stop(), second.stop(), restarted.stop()]))
    await first.start()
    await second.start()
    await Promise.all([first.drain(), second.drain()])
    const writtenByAll = () =>
      [first, second, restarted].reduce((sum, one) => sum + one.status().rowsWritten, 0)
    const before = writtenByAll()
    await rebuildFacts(optionsOf({}))
    // Both know the new table from here on, and nobody has read again what it had.
    await Promise.all([first.drain(), second.drain()])
    assert.equal(writtenByAll(), before)
    // Another one, which the first may not know of when it is given what the second had.
    await rebuildFacts(optionsOf({}))
    await second.stop()
    await restarted.start()
    await append(
      log,
      students.map(([student, average]) => [`${student}-later`, average] as const),
    )
    await restarted.drain()
    await first.drain()
    await hasAllRows()
  })
})

const large = { rowsMin: 100, rowsMax: 100, bytesMax: 1 << 20, ageMaxMs: 1, fetchBytesMax: 1 << 20 }

async function tables(clickhouse: ClickHouse): Promise<unknown[]> {
  const rows = await ask<{ name: string }>(
    clickhouse,
    `SELECT concat(database, '.', name) AS name FROM system.tables
WHERE database = 'exams' OR database = 'tidemark' AND startsWith(name, 'schema_lock') ORDER BY name`,
  )
  return rows.map(({ name }) => name)
}

async function lockAgeMs(clickhouse: ClickHouse): Promise<number | undefined> {
  const [row] = await ask<{ age: number }>(
    clickhouse,
    `SELECT toInt32(dateDiff('second', metadata_modification_time, now())) AS age FROM system.tables
WHERE database = 'tidemark' AND name = 'schema_lock'`,
  )
  return row === undefined ? undefined : row.age * 1_000
}

async function ask<Row>(clickhouse: ClickHouse, query: string): Promise<readonly Row[]> {
  const result = await clickhouse.reader.query({ query, format: 'JSONEachRow' })
  return await result.json<Row>()
}
