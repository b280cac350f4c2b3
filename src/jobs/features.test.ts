/** Training sets and reports over the real engine: what the topology said at each time, and what the files say of it. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import type { FactTable } from '../core/fact-table.ts'
import * as facts from '../facts/adaptive-learning.ts'
import {
  attempt,
  baseMs,
  dayMs,
  minuteMs,
  open,
  pipe,
} from '../processors/adaptive-learning/feed.test-support.ts'
import { clickhouseApp } from '../server/clickhouse/clickhouse-app.ts'
import { runMigrations } from '../sinks/clickhouse/migrations.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { learnerAbilities } from './features-abilities.ts'
import { exportTrainingSet, type ExportOptions, type TrainingSet } from './features-export.ts'
import { featuresViewJob } from './features-view.ts'

type Row = Record<string, unknown>

/** What the topology knew, and when: the wall clock of the two batches below. */
const firstMs = 1000
const lateMs = 2000

describe('training sets', () => {
  let temporary: TemporaryClickHouse
  let clickhouse: (path: string, init?: RequestInit) => Promise<Response>
  let directory: string

  before(async () => {
    temporary = await temporaryClickHouse()
    const path = new URL('../../schemas/clickhouse', import.meta.url).pathname
    await runMigrations(temporary.clickhouse, { directory: path, clock: systemClock })
    const app = clickhouseApp(temporary.clickhouse, {})
    clickhouse = async (address, init) => app.request(address, init)
    directory = await mkdtemp(join(tmpdir(), 'tidemark-features-'))
    await fill()
  })
  after(async () => {
    await temporary.remove()
    await rm(directory, { recursive: true })
  })

  /** Two attempts on time, then one from between them. */
  async function fill(): Promise<void> {
    const driver = await open({ wallClockMs: firstMs })
    const second = { topic: 'geometry', item_id: 'i2', timestamp: baseMs + dayMs, correct: false }
    await pipe(driver, { 'user.attempts': [attempt(), attempt({ attempt_id: 'a3', ...second })] })
    driver.clock.advance(lateMs - firstMs)
    const between = attempt({ attempt_id: 'a2', timestamp: baseMs + minuteMs })
    await pipe(driver, { 'user.attempts': [between] })
    await pipe(driver, { 'user.attempts': [attempt({ user_id: 'bob', correct: false })] })
    // One of Eve from beyond the horizon: it is placed behind the one that came after it.
    const eve = { user_id: 'eve', topic: 'grammar' }
    await pipe(driver, { 'user.attempts': [attempt({ ...eve, timestamp: baseMs + 9 * dayMs })] })
    const late = attempt({ ...eve, attempt_id: 'late', timestamp: baseMs })
    await pipe(driver, { 'user.attempts': [late] })
    for (const fact of [facts.userAttempts, facts.supersededUserAttempts]) {
      await insert(fact as FactTable, await driver.read(fact.topic as FactTable['topic']))
    }
    await driver.close()
  }

  async function insert(fact: FactTable, records: readonly { value: unknown }[]): Promise<void> {
    await temporary.clickhouse.writer.insert({
      table: `${fact.database}.${fact.table}_versions`,
      values: records.map(({ value }, version) => ({ ...(value as Row), version })),
      format: 'JSONEachRow',
      clickhouse_settings: { date_time_input_format: 'basic' },
    })
  }

  async function exported(
    name: string,
    asOfMs: number,
    options: Partial<ExportOptions> = {},
  ): Promise<Row[]> {
    const target = join(directory, name)
    const all = { clickhouse, directory: target, asOfMs, topics: null, ...options }
    const set = await exportTrainingSet(all)
    const rows: Row[] = []
    for (const { path } of set.files) {
      const file = await asyncBufferFromFile(join(target, path))
      rows.push(...(await parquetReadObjects({ file })))
    }
    assert.equal(rows.length, set.rows)
    const written = JSON.parse(await readFile(join(target, 'training-set.json'), 'utf8')) as unknown
    assert.deepEqual(written, set)
    return rows
  }

  const keyOf = (row: Row) => `${String(row['user_id'])} ${String(row['attempt_id'])}`
  const told = (rows: readonly Row[]) =>
    rows
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      .map((row) => [
        row['user_id'],
        row['attempt_id'],
        row['user_attempts_7d'],
        row['irt_ability_algebra_before'],
        row['irt_ability_geometry_before'],
      ])

  test('hold the rows that were there at the time, under the seed’s names', async () => {
    const early = await exported('early', firstMs)
    assert.deepEqual(told(early), [
      ['ann', 'a1', 0, 0, null],
      ['ann', 'a3', 1, 0.5, 0],
    ])
    const ability = 0.5 + (1 / 1.05) * (1 - 1 / (1 + Math.exp(-1)))
    const later = await exported('later', lateMs)
    assert.deepEqual(told(later), [
      ['ann', 'a1', 0, 0, null],
      ['ann', 'a2', 1, 0.5, null],
      ['ann', 'a3', 2, ability, 0],
      ['bob', 'a1', 0, 0, null],
      ['eve', 'a1', 0, null, null],
    ])
    assert.deepEqual(await exported('before', firstMs - 1), [])
  })

  test('leave out and count what came from beyond the horizon, unless it is asked for', async () => {
    const flags = (rows: readonly Row[]) =>
      rows
        .filter((row) => row['user_id'] === 'eve')
        .map((row) => [row['attempt_id'], row['is_late'], row['bkt_prob_knowledge_before']])
    const without = await exported('without-late', lateMs)
    assert.deepEqual(flags(without), [['a1', false, 0.25]])
    const described = await readFile(join(directory, 'without-late', 'training-set.json'), 'utf8')
    assert.equal((JSON.parse(described) as TrainingSet).late_rows_left_out, 1)

    const asked = await exported('with-late', lateMs, { includeLate: true })
    const late = asked.find((row) => row['attempt_id'] === 'late')
    assert.equal(late?.['is_late'], true)
    assert.ok(Number(late['bkt_prob_knowledge_before']) > 0.25, 'it rests on the later attempt')
    assert.equal(asked.length, without.length + 1)
  })

  test('lie in a folder a day, and a directory that holds something is refused', async () => {
    const target = join(directory, 'days')
    const options = { clickhouse, directory: target, asOfMs: lateMs, topics: ['algebra'] }
    const { files } = await exportTrainingSet(options)
    assert.deepEqual(files, [
      { path: 'year=2023/month=11/day=14/part-0.parquet', rows: 3 },
      { path: 'year=2023/month=11/day=15/part-0.parquet', rows: 1 },
      { path: 'year=2023/month=11/day=23/part-0.parquet', rows: 1 },
    ])
    await assert.rejects(exportTrainingSet(options), { code: 'CONFIGURATION_INVALID' })
  })

  test('tell of topics that nobody has met, and are refused where nobody has met any', async () => {
    const warnings: string[] = []
    const onWarning = (warning: string) => void warnings.push(warning)
    const rows = await exported('unknown-topic', lateMs, {
      topics: ['algebra', 'algebar', 'x'],
      onWarning,
    })
    assert.deepEqual([...new Set(rows.map((row) => row['irt_ability_algebar_before']))], [null])
    const asOf = new Date(lateMs).toISOString()
    assert.deepEqual(warnings, [
      `as of ${asOf} nobody has met topic algebar, x; there are algebra, geometry, grammar; ` +
        'what nobody has met is null in every row',
    ])
    await exported('known-topics', lateMs, { topics: ['grammar'], onWarning })
    assert.equal(warnings.length, 1)

    // Known later, not yet then.
    const early = exported('too-early', firstMs, { topics: ['grammar'], onWarning })
    await assert.rejects(early, {
      code: 'REQUEST_INVALID',
      message: /nobody has met topic grammar; there are algebra, geometry$/,
    })
    const before = exported('before-all', firstMs - 1, { topics: ['algebra'] })
    await assert.rejects(before, { code: 'REQUEST_INVALID', message: /there are none yet$/ })
  })

  test('have their columns in a view, too, whatever the topics are called', async () => {
    const { writer } = temporary.clickhouse
    const job = featuresViewJob(temporary.clickhouse)
    const context = { signal: new AbortController().signal, onProgress: () => {} }
    const view = 'adaptive_learning.user_attempts_wide'
    assert.deepEqual(
      await job.run(job.parse({ topics: ['algebra', "it's a `topic`", ''] }), context),
      {
        view,
        topics: ['algebra', "it's a `topic`", ''],
      },
    )
    const topics = ['algebra', 'geometry', 'grammar']
    assert.deepEqual(await job.run(job.parse({}), context), { view, topics })
    assert.throws(() => job.parse({ topics: ['x', 'x'] }), { code: 'REQUEST_INVALID' })
    const result = await writer.query({
      query: `SELECT irt_ability_algebra_before AS known FROM adaptive_learning.user_attempts_wide
              WHERE attempt_id = 'a2'`,
      format: 'JSONEachRow',
    })
    assert.deepEqual(await result.json(), [{ known: 0.5 }])
  })

  test('a query that is refused is told, and leaves no file of that name', async () => {
    const refusing = () => Promise.resolve(new Response('Code: 60. gone', { status: 404 }))
    const target = join(directory, 'refused')
    const options = { clickhouse: refusing, directory: target, asOfMs: lateMs, topics: null }
    await assert.rejects(exportTrainingSet(options), { code: 'QUERY_FAILED', message: /60\. gone/ })
  })

  test('the abilities of a report rest on first attempts and on everyone’s difficulty', async () => {
    const rows = await learnerAbilities(clickhouse)
    assert.deepEqual(
      rows.map(({ user_id, topic, items }) => [user_id, topic, items]),
      [
        ['ann', 'algebra', 1],
        ['ann', 'geometry', 1],
        ['bob', 'algebra', 1],
        ['eve', 'grammar', 1],
      ],
    )
    const [ann, , bob] = rows
    assert.ok(ann!.ability > 0.3 && Math.abs(ann!.ability + bob!.ability) < 1e-9)
    assert.ok(ann!.standard_error < 1)
  })
})
