import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ManualClock, systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Row, TableName } from '../sink.ts'
import {
  conformanceColumns,
  conformanceKey,
  conformanceTable,
  scoreRow,
  sinkConformance,
} from '../sink-conformance.test-suite.ts'
import type { ClickHouse } from './clickhouse.ts'
import { ClickHouseSink } from './clickhouse-sink.ts'
import { factTableDdl } from './fact-table-ddl.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'
import type { TemporaryClickHouse } from './temporary-clickhouse.test-support.ts'

describe('ClickHouse sink on the embedded engine', () => {
  let temporary: TemporaryClickHouse
  before(async () => {
    temporary = await temporaryClickHouse()
    const ddl = factTableDdl({
      table: conformanceTable,
      columns: conformanceColumns,
      keyColumns: conformanceKey,
    })
    for (const query of ddl) await temporary.clickhouse.writer.command({ query })
  })
  after(() => temporary.remove())

  sinkConformance('ClickHouse sink', () => {
    const { clickhouse } = temporary
    return Promise.resolve({
      sink: new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null }),
      current: () => currentRows(clickhouse),
      clear: async () => {
        await clickhouse.writer.command({ query: 'TRUNCATE TABLE conformance.scores_versions' })
      },
      close: () => Promise.resolve(),
    })
  })

  test('an insert that cannot be taken now is tried again until it is', async () => {
    const failing = new FailingClickHouse(
      temporary.clickhouse,
      2,
      'Code: 241. DB::Exception: (total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)',
    )
    const clock = new ManualClock()
    const sink = new ClickHouseSink({ clickhouse: failing, clock, migrationsDirectory: null })
    const written = sink.write([{ table: conformanceTable, rows: [scoreRow({ exam_id: 77 })] }])
    await advanceUntil(clock, written)
    assert.equal(failing.attempts, 3)
    const rows = await currentRows(temporary.clickhouse)
    assert.equal(rows.filter((row) => row['exam_id'] === 77).length, 1)
  })

  test('after its attempts the sink says that ClickHouse is unavailable, and when to come back', async () => {
    const failing = new FailingClickHouse(
      temporary.clickhouse,
      99,
      'Code: 243. DB::Exception: no space (NOT_ENOUGH_SPACE)',
    )
    const clock = new ManualClock()
    const options = {
      clickhouse: failing,
      clock,
      migrationsDirectory: null,
      attemptsMax: 3,
      random: () => 0.999999,
    }
    const sink = new ClickHouseSink(options)
    const written = sink.write([{ table: conformanceTable, rows: [scoreRow({})] }])
    await assert.rejects(advanceUntil(clock, written), (thrown) => {
      assert.ok(thrown instanceof TidemarkError)
      assert.equal(thrown.code, 'SINK_UNAVAILABLE')
      assert.equal(thrown.details['retryAfterMs'], 500)
      return true
    })
    assert.equal(failing.attempts, 3)
    const again = sink.write([{ table: conformanceTable, rows: [scoreRow({})] }])
    await assert.rejects(advanceUntil(clock, again), (thrown) => {
      assert.equal((thrown as TidemarkError).details['retryAfterMs'], 1000)
      return true
    })
  })

  test('too many parts are not answered with another insert at once, but with a longer wait', async () => {
    const failing = new FailingClickHouse(
      temporary.clickhouse,
      99,
      'Code: 252. DB::Exception: Too many parts (300 with average size of 1.00 KiB) in table (TOO_MANY_PARTS)',
    )
    const clock = new ManualClock()
    const options = { clickhouse: failing, clock, migrationsDirectory: null, random: () => 0 }
    const sink = new ClickHouseSink(options)
    const written = sink.write([{ table: conformanceTable, rows: [scoreRow({})] }])
    await assert.rejects(advanceUntil(clock, written), (thrown) => {
      assert.ok(thrown instanceof TidemarkError)
      assert.equal(thrown.details['tooManyParts'], true)
      assert.equal(thrown.details['retryAfterMs'], 1000)
      return true
    })
    assert.equal(failing.attempts, 1)
  })

  test('where a table has lost a column nothing is written without it', async () => {
    const { clickhouse } = temporary
    const alter = (what: string) =>
      clickhouse.writer.command({ query: `ALTER TABLE conformance.scores_versions ${what}` })
    const sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null })
    const { student_id, exam_id, version } = scoreRow({})
    const deleted = { student_id, exam_id, version, is_deleted: 1 }
    await alter('DROP COLUMN score')
    try {
      const rows = [deleted, scoreRow({})]
      await assert.rejects(sink.write([{ table: conformanceTable, rows }]), {
        code: 'SINK_REFUSED',
        message: /^conformance\.scores_versions has no column score; add/,
      })
    } finally {
      await alter('ADD COLUMN score Nullable(Float64) AFTER exam_id')
    }
  })

  test('a value that its column cannot hold is refused by the column’s name, without a retry', async () => {
    const { clickhouse } = temporary
    const sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null })
    const rows = [scoreRow({ exam_id: 'not a number' })]
    await assert.rejects(sink.write([{ table: conformanceTable, rows }]), {
      code: 'SINK_REFUSED',
      message: /conformance\.scores_versions: column exam_id cannot hold string not a number/,
    })
  })
})

async function currentRows(clickhouse: ClickHouse): Promise<Row[]> {
  const result = await clickhouse.reader.query({
    query: `SELECT * REPLACE (toString(version) AS version,
  toUnixTimestamp64Milli(event_time) AS event_time, toUnixTimestamp64Milli(known_at) AS known_at)
FROM conformance.scores`,
    format: 'JSONEachRow',
  })
  const rows = await result.json<Record<string, unknown>>()
  return rows.map((row) => ({ ...row, version: BigInt(String(row['version'])) }))
}

/** Lets the first inserts fail with a message of the engine's; everything else is the real one. */
class FailingClickHouse implements ClickHouse {
  readonly kind = 'embedded'
  readonly layout = null
  readonly writer
  readonly reader
  readonly #real: ClickHouse
  readonly #message: string
  #failures: number
  attempts = 0

  constructor(real: ClickHouse, failures: number, message: string) {
    this.#real = real
    this.writer = real.writer
    this.reader = real.reader
    this.#failures = failures
    this.#message = message
  }

  async insert(table: TableName, columns: readonly string[], payload: Buffer): Promise<void> {
    this.attempts++
    if (this.#failures-- > 0) throw new Error(this.#message)
    await this.#real.insert(table, columns, payload)
  }

  read: ClickHouse['read'] = (request) => this.#real.read(request)
  close = () => Promise.resolve()
}

async function advanceUntil(clock: ManualClock, done: Promise<void>): Promise<void> {
  const state = { settled: false }
  const watched = done.finally(() => {
    state.settled = true
  })
  watched.catch(() => {})
  while (!state.settled) {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await watched
}
