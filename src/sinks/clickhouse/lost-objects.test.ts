import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../core/clock.ts'
import { ClickHouseSink } from './clickhouse-sink.ts'
import { qualifiedName } from './fact-table-ddl.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from './temporary-clickhouse.test-support.ts'

const migrationsDirectory = new URL('../../../schemas/clickhouse', import.meta.url).pathname

interface Thing {
  readonly database: string
  readonly name: string
  readonly kind: 'TABLE' | 'VIEW'
}

describe('what was made and is lost', () => {
  let temporary: TemporaryClickHouse
  let sink: ClickHouseSink
  let things: readonly Thing[]

  const run = (query: string) => temporary.clickhouse.writer.command({ query })
  const ask = async <Row>(query: string) => {
    const answer = await temporary.clickhouse.reader.query({ query, format: 'JSONEachRow' })
    return await answer.json<Row>()
  }
  /** Every table and view as it is made, with the settings and columns that later migrations gave it. */
  const schema = () =>
    ask<{ database: string; name: string }>(
      `SELECT database, name, create_table_query FROM system.tables
WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema', 'default')
  AND NOT startsWith(name, '.') ORDER BY ALL`,
    )

  before(async () => {
    temporary = await temporaryClickHouse()
    const { clickhouse } = temporary
    const databases = ['own database']
    sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory, databases })
    await sink.setup()
    things = await ask<Thing>(
      `SELECT database, name, if(engine = 'View', 'VIEW', 'TABLE') AS kind FROM system.tables
WHERE database IN ('mcq', 'exam_scores', 'student_performance', 'tidemark') ORDER BY ALL`,
    )
  })
  after(() => temporary.remove())

  test('is there again after a set-up, as it was, whatever was dropped', async () => {
    const whole = await schema()
    assert.ok(whole.length > 50)
    const databases = [...new Set(things.map(({ database }) => database)), 'own database']
    const dropped = fc.record({
      databases: fc.subarray(databases, { maxLength: 2 }),
      things: fc.subarray([...things], { maxLength: 6 }),
    })
    const property = fc.asyncProperty(dropped, async (lost) => {
      for (const { database, name, kind } of lost.things) {
        await run(`DROP ${kind} ${qualifiedName({ database, table: name })} SYNC`)
      }
      for (const database of lost.databases) await run(`DROP DATABASE \`${database}\` SYNC`)
      await sink.setup()
      assert.deepEqual(await schema(), whole)
      const own = await ask(`SELECT 1 FROM system.databases WHERE name = 'own database'`)
      assert.equal(own.length, 1)
    })
    await fc.assert(property, { numRuns: 8 })
  })

  test('and what is not lost is left alone', async () => {
    const idsOf = () => ask(`SELECT database, name, uuid FROM system.tables WHERE database = 'mcq'`)
    const before = await idsOf()
    await run('DROP VIEW exam_scores.exams SYNC')
    await sink.setup()
    assert.deepEqual(await idsOf(), before)
  })
})
