/** What many instances do to one ClickHouse server at once: the sink's contract, migrations, epochs, a rebuild. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import type { ClickHouse } from '../../src/sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts'
import { clusterEpochs, keepEpochs } from '../../src/sinks/clickhouse/cluster-epoch.ts'
import { factTableDdl } from '../../src/sinks/clickhouse/fact-table-ddl.ts'
import { runMigrations } from '../../src/sinks/clickhouse/migrations.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { rebuildFacts } from '../../src/sinks/clickhouse/rebuild-facts.ts'
import { withSchemaLock } from '../../src/sinks/clickhouse/schema-lock.ts'
import { FactConsumer } from '../../src/sinks/fact-consumer.ts'
import type { Row } from '../../src/sinks/sink.ts'
import {
  conformanceColumns,
  conformanceKey,
  conformanceTable,
  sinkConformance,
} from '../../src/sinks/sink-conformance.test-suite.ts'
import {
  append,
  currentRows,
  expectedRows,
  makeTable,
  openLog,
  source,
  table,
} from './support/averages.ts'
import { ClickHouseProcess } from './support/clickhouse-process.ts'

const instances = 6
const purpose = 'a test'

describe('a ClickHouse server', () => {
  let server: ClickHouseProcess
  let clickhouse: ClickHouse
  let directory: string

  before(async () => {
    server = await ClickHouseProcess.start()
    clickhouse = await openClickHouse({ url: server.url })
    const conformance = factTableDdl({
      table: conformanceTable,
      columns: conformanceColumns,
      keyColumns: conformanceKey,
    })
    for (const query of conformance) await clickhouse.writer.command({ query })
  })
  after(async () => {
    await clickhouse.close()
    await server.remove()
  })
  beforeEach(async () => {
    for (const database of ['tidemark', 'exams', 'm']) {
      await clickhouse.writer.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    }
    await makeTable(clickhouse)
  })

  sinkConformance('ClickHouse sink over HTTP', () =>
    Promise.resolve({
      sink: new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null }),
      current: () => conformanceRows(clickhouse),
      clear: async () => {
        await clickhouse.writer.command({ query: 'TRUNCATE TABLE conformance.scores_versions' })
      },
      close: () => Promise.resolve(),
    }),
  )

  test('of instances that start at once one applies each migration', async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-migrations-'))
    try {
      await mkdir(directory, { recursive: true })
      await writeFile(
        join(directory, '0010_a.sql'),
        'CREATE DATABASE IF NOT EXISTS m;\nCREATE TABLE IF NOT EXISTS m.a (x Int8) ENGINE = MergeTree ORDER BY x;\n',
      )
      // Not harmless when run twice: the lock is what keeps it from that.
      await writeFile(join(directory, '0020_b.sql'), 'INSERT INTO m.a VALUES (1);')
      const runs = Array.from({ length: instances }, () =>
        runMigrations(clickhouse, { directory, clock: systemClock }),
      )
      const applied = (await Promise.all(runs)).flat()
      assert.deepEqual(applied.sort(), ['0010_a.sql', '0020_b.sql'])
      assert.deepEqual(await ask(clickhouse, 'SELECT count() AS n FROM m.a'), [{ n: 1 }])
      assert.deepEqual(await locks(clickhouse), [])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  test('the lock of an instance that is gone is broken once, by one', async () => {
    await clickhouse.writer.command({ query: 'CREATE DATABASE tidemark' })
    await clickhouse.writer.command({
      query: "CREATE TABLE tidemark.schema_lock (holder String) ENGINE = Null COMMENT 'gone'",
    })
    let inside = 0
    let most = 0
    // Every lock is older than a lease that is over before it begins, until one of ours stands.
    const leaseMs = -1
    await withSchemaLock(clickhouse, { clock: systemClock, purpose, leaseMs }, () =>
      Promise.resolve(),
    )
    const work = async () => {
      inside += 1
      most = Math.max(most, inside)
      await ask(clickhouse, 'SELECT 1')
      inside -= 1
    }
    await Promise.all(
      Array.from({ length: instances }, () =>
        withSchemaLock(clickhouse, { clock: systemClock, purpose }, work),
      ),
    )
    assert.equal(most, 1)
    assert.deepEqual(await locks(clickhouse), [])
  })

  test('a lock that is not given back is named when waiting for it is over', async () => {
    const held = Promise.withResolvers<undefined>()
    const holding = withSchemaLock(clickhouse, { clock: systemClock, purpose }, () => held.promise)
    while ((await locks(clickhouse)).length === 0);
    const clock = new ManualClock()
    const waiting = withSchemaLock(clickhouse, { clock, purpose, waitMaxMs: 0 }, () =>
      Promise.resolve(),
    )
    await assert.rejects(waiting, {
      code: 'SINK_UNAVAILABLE',
      message: new RegExp(`held by a test on .+, process ${process.pid}`),
    })
    held.resolve(undefined)
    await holding
  })

  test('a set-up that waits for the lock tells whose it is, once, and goes on when it is free', async () => {
    const migrations = await mkdtemp(join(tmpdir(), 'tidemark-migrations-'))
    try {
      await writeFile(join(migrations, '9910_waited.sql'), 'CREATE DATABASE IF NOT EXISTS waited;')
      const held = Promise.withResolvers<undefined>()
      const holding = withSchemaLock(
        clickhouse,
        { clock: systemClock, purpose },
        () => held.promise,
      )
      while ((await locks(clickhouse)).length === 0);
      const lines: string[] = []
      const onWait = (line: string) => {
        lines.push(line)
        held.resolve(undefined)
      }
      const clock = systemClock
      await new ClickHouseSink({
        clickhouse,
        clock,
        migrationsDirectory: migrations,
        onWait,
      }).setup()
      await holding
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /^waiting for a test on .+, which changes the tables$/)
    } finally {
      await rm(migrations, { recursive: true, force: true })
    }
  })

  test('instances that start at once use one epoch for a topic, and a greater one when it is made anew', async () => {
    const topic = topicName('exams.averages')
    const other = topicName('exams.others')
    const incarnation = (topicId: string) => [
      { topic, topicId, table },
      { topic: other, topicId: `${topicId}-other`, table },
    ]
    const start = (topicId: string) => clusterEpochs(clickhouse, incarnation(topicId))
    const epochsOf = async (topicId: string) => {
      const all = await Promise.all(Array.from({ length: instances }, () => start(topicId)))
      return [...new Set(all.map((epochs) => epochs.get(topic)))]
    }
    assert.deepEqual(await epochsOf('first'), [1])
    assert.deepEqual(await epochsOf('first'), [1])
    // Instances of an old and a new incarnation at once.
    const [second, again] = await Promise.all([epochsOf('second'), epochsOf('first')])
    assert.deepEqual([second, again], [[2], [1]])
    // What is kept for people may be lost; what decides is not.
    await clickhouse.writer.command({ query: 'TRUNCATE TABLE tidemark.fact_epochs' })
    assert.deepEqual(await epochsOf('second'), [2])
    assert.deepEqual(await epochsOf('first'), [1])
    // Rows of a time before the claims, as of an embedded instance.
    await clickhouse.insert(
      { database: 'exams', table: 'averages_versions' },
      ['student_id', 'event_time', 'known_at', 'version'],
      Buffer.from(`x\t0000000001\t0000000001\t${(9n << 48n) + 5n}\n`),
    )
    assert.deepEqual(await epochsOf('third'), [10])
    assert.deepEqual((await start('third')).get(other), 10)
  })

  test('what running instances work with outlives the loss of all claims; who has decided otherwise meanwhile is told', async () => {
    const topic = topicName('exams.averages')
    const start = (topicId: string) => clusterEpochs(clickhouse, [{ topic, topicId, table }])
    await start('first')
    const epochs = await start('second')
    assert.equal(epochs.get(topic), 2)
    const lose = async () => {
      await clickhouse.writer.command({ query: 'DROP DATABASE tidemark' })
      await clickhouse.writer.command({ query: 'CREATE DATABASE tidemark' })
    }
    const keep = () => keepEpochs(clickhouse, [{ topic, topicId: 'second', table }], epochs)
    await lose()
    await Promise.all(Array.from({ length: instances }, keep))
    assert.deepEqual(await start('second'), epochs)
    await clickhouse.writer.command({ query: 'TRUNCATE TABLE tidemark.fact_epochs' })
    assert.deepEqual(await start('second'), epochs)
    assert.equal((await start('third')).get(topic), 3)
    await lose()
    assert.equal((await start('second')).get(topic), 1)
    await assert.rejects(keep(), {
      code: 'SINK_REFUSED',
      message: /decided 1 .* works with 2; stop/,
    })
  })

  test('incarnations that are claimed at the same moment get an epoch each', async () => {
    const topic = topicName('exams.averages')
    const start = async (topicId: string) =>
      (await clusterEpochs(clickhouse, [{ topic, topicId, table }])).get(topic)
    const topicIds = ['u', 'v', 'w', 'x', 'y', 'z']
    const epochs = await Promise.all([...topicIds, ...topicIds].map(start))
    assert.deepEqual(epochs.slice(0, 6), epochs.slice(6), 'one epoch for one incarnation')
    assert.deepEqual(epochs.slice(0, 6).sort(), [1, 2, 3, 4, 5, 6])
  })

  test('a table is rebuilt from its topic alone while its consumer writes on', async () => {
    const log = await openLog(2)
    const sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null })
    const consumer = new FactConsumer({
      name: 'rebuild',
      log,
      sink,
      clock: systemClock,
      facts: [source],
      epoch: 2,
      ageMaxMs: 1,
      idleWaitMs: 5,
    })
    await consumer.start()
    const facts = (round: number) =>
      Array.from({ length: 300 }, (_, at) => [`s${at % 40}`, round * 1000 + at] as const)
    await append(log, facts(0))
    await consumer.drain()
    // Damage: rows gone, and a row that no topic has, with a version above all.
    await clickhouse.writer.command({
      query:
        "ALTER TABLE exams.averages_versions DELETE WHERE student_id < 's2' SETTINGS mutations_sync = 1",
    })
    await clickhouse.insert(
      { database: 'exams', table: 'averages_versions' },
      ['student_id', 'average', 'event_time', 'known_at', 'version'],
      Buffer.from(`nobody\t1\t0000000001\t0000000001\t${(2n << 48n) + 999_999n}\n`),
    )
    assert.notDeepEqual(await currentRows(clickhouse), await expectedRows(log, 2))

    let round = 1
    const rebuilding = rebuildFacts({
      log,
      sink,
      clickhouse,
      clock: systemClock,
      facts: [source],
      epochOf: () => 2,
      batches: { rowsMin: 10, rowsMax: 10, bytesMax: 1 << 20, ageMaxMs: 1, fetchBytesMax: 1_000 },
      onProgress: () => {
        if (round < 5) void append(log, facts(round++))
      },
    })
    assert.deepEqual(
      (await rebuilding).map((rebuilt) => rebuilt.table),
      [table],
    )
    await append(log, [['s1', null]])
    await consumer.drain()
    await consumer.stop()
    assert.deepEqual(await currentRows(clickhouse), await expectedRows(log, 2))
    assert.deepEqual(
      await ask(
        clickhouse,
        "SELECT name FROM system.tables WHERE database = 'exams' ORDER BY name",
      ),
      [{ name: 'averages' }, { name: 'averages_versions' }],
    )
    await log.close()
  })

  test('a rebuild that fails leaves the table as it was', async () => {
    const log = await openLog(1)
    const sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null })
    await append(log, [['s1', 1]])
    await clickhouse.insert(
      { database: 'exams', table: 'averages_versions' },
      ['student_id', 'average', 'event_time', 'known_at', 'version'],
      Buffer.from('old\t1\t0000000001\t0000000001\t7\n'),
    )
    const before = await currentRows(clickhouse)
    const failing = {
      ...source,
      codec: {
        prepare: () => Promise.resolve(),
        decode: () => {
          throw new Error('no')
        },
      },
    }
    const options = { log, sink, clickhouse, clock: systemClock, epochOf: () => 2 }
    await assert.rejects(rebuildFacts({ ...options, facts: [failing] }), { message: 'no' })
    assert.deepEqual(await currentRows(clickhouse), before)
    assert.deepEqual(await locks(clickhouse), [])
    await log.close()
  })
})

async function ask(clickhouse: ClickHouse, query: string): Promise<unknown[]> {
  const result = await clickhouse.reader.query({ query, format: 'JSONEachRow' })
  const rows = await result.json<Record<string, unknown>>()
  return rows.map((row) => ('n' in row ? { n: Number(row['n']) } : row))
}

function locks(clickhouse: ClickHouse): Promise<unknown[]> {
  return ask(
    clickhouse,
    "SELECT name FROM system.tables WHERE database = 'tidemark' AND startsWith(name, 'schema_lock')",
  )
}

async function conformanceRows(clickhouse: ClickHouse): Promise<Row[]> {
  const result = await clickhouse.reader.query({
    query: `SELECT * REPLACE (toString(version) AS version,
  toUnixTimestamp64Milli(event_time) AS event_time, toUnixTimestamp64Milli(known_at) AS known_at)
FROM conformance.scores`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  const rows = await result.json<Record<string, unknown>>()
  return rows.map((row) => ({ ...row, version: BigInt(String(row['version'])) }))
}
