/** Training sets and reports that are wider or longer than one answer of an instance's door, over the real engine. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { systemClock } from '../core/clock.ts'
import { expectedAPosteriori } from '../processors/adaptive-learning/expected-a-posteriori.ts'
import { clickhouseApp } from '../server/clickhouse/clickhouse-app.ts'
import { runMigrations } from '../sinks/clickhouse/migrations.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { learnerAbilities } from './features-abilities.ts'
import { exportTrainingSet, type ExportOptions } from './features-export.ts'
import { featuresViewJob } from './features-view.ts'

type Send = (path: string, init?: RequestInit) => Promise<Response>

const table = 'adaptive_learning.user_attempts_versions'
const namesOf = (count: number) => Array.from({ length: count }, (_, at) => `tag-${at}`)

describe('training sets and reports of any size', () => {
  let temporary: TemporaryClickHouse
  let clickhouse: Send
  let directory: string
  let sets = 0

  before(async () => {
    temporary = await temporaryClickHouse()
    const path = new URL('../../schemas/clickhouse', import.meta.url).pathname
    await runMigrations(temporary.clickhouse, { directory: path, clock: systemClock })
    clickhouse = door({})
    directory = await mkdtemp(join(tmpdir(), 'tidemark-features-wide-'))
  })
  after(async () => {
    await temporary.remove()
    await rm(directory, { recursive: true })
  })

  function door(limits: { readonly resultBytesMax?: number }): Send {
    const app = clickhouseApp(temporary.clickhouse, limits)
    return async (address, init) => app.request(address, init)
  }

  /** Attempts of as many days; the ability of attempt N in topic T is N + T / 10,000, in every eighth topic. */
  async function fill(attempts: number, topics: number, days = 1): Promise<void> {
    const { writer } = temporary.clickhouse
    await writer.command({ query: `TRUNCATE TABLE ${table}` })
    const met = `arrayFilter(topic -> (topic + number) % 8 = 0, range(${topics}))`
    await writer.command({
      query: `
        INSERT INTO ${table} (user_id, attempt_id, year, month, day, event_time, irt_ability_before)
        SELECT concat('learner-', toString(number % 50)), toString(number), 2026, 3, 1 + number % ${days},
          toDateTime64('2026-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(number % 86400),
          CAST((arrayMap(topic -> concat('tag-', toString(topic)), ${met}),
            arrayMap(topic -> number + topic / 10000, ${met})), 'Map(String, Float64)')
        FROM numbers(${attempts})`,
    })
  }

  function optionsOf(more: Partial<ExportOptions> = {}): ExportOptions {
    sets += 1
    const target = join(directory, `set-${sets}`)
    return { clickhouse, directory: target, asOfMs: systemClock.nowMs(), topics: null, ...more }
  }

  /** Some topics' columns of every row, as the files have them. */
  async function abilitiesOf(options: ExportOptions, topics: readonly number[]) {
    const set = await exportTrainingSet(options)
    const columns = topics.map((topic) => `irt_ability_tag-${topic}_before`)
    const rows: Record<string, unknown>[] = []
    for (const { path, rows: told } of set.files) {
      const file = await asyncBufferFromFile(join(options.directory, path))
      const read = await parquetReadObjects({ file, columns: ['attempt_id', ...columns] })
      assert.equal(read.length, told)
      rows.push(...read)
    }
    for (const row of rows) {
      const attempt = Number(row['attempt_id'])
      const expected = topics.map((topic) =>
        (topic + attempt) % 8 === 0 ? attempt + topic / 10_000 : null,
      )
      assert.deepEqual(
        columns.map((column) => row[column]),
        expected,
      )
    }
    assert.equal(new Set(rows.map((row) => row['attempt_id'])).size, rows.length)
    return { set, rows: rows.length }
  }

  test('a day whose rows are more than one answer holds is several files, every row in one', async () => {
    await fill(7_500, 1_000)
    const { set, rows } = await abilitiesOf(optionsOf(), [0, 7, 500, 999])
    assert.equal(rows, 7_500)
    assert.equal(set.topics.length, 1_000)
    assert.equal(set.files.length, 3)
    // The fewer columns, the more rows a file has.
    const narrow = await abilitiesOf(optionsOf({ topics: ['tag-0', 'tag-999'] }), [0, 999])
    assert.deepEqual([narrow.rows, narrow.set.files.length], [7_500, 1])
  })

  test('thousands of topics are columns of a set and of a view', async () => {
    await fill(40, 3_000)
    const { set } = await abilitiesOf(optionsOf(), [0, 8, 1_501, 2_999])
    assert.equal(set.topics.length, 3_000)

    const job = featuresViewJob(temporary.clickhouse)
    const context = { signal: new AbortController().signal, onProgress: () => {} }
    assert.equal((await job.run(job.parse({}), context)).topics.length, 3_000)
    const query = "SELECT * FROM adaptive_learning.user_attempts_wide WHERE attempt_id = '9'"
    const result = await temporary.clickhouse.writer.query({ query, format: 'JSONEachRow' })
    const [row] = await result.json<Record<string, unknown>>()
    assert.deepEqual(
      [row?.['irt_ability_tag-7_before'], row?.['irt_ability_tag-8_before']],
      [9.0007, null],
    )
  })

  test('more topics than a statement can name are one error, which says what to do', async () => {
    await fill(8, 8)
    const names = namesOf(3_000).map((name) => `${name}-${'x'.repeat(60)}`)
    const options = optionsOf({ topics: ['tag-1', ...names] })
    await assert.rejects(exportTrainingSet(options), {
      code: 'REQUEST_INVALID',
      message: /^columns for 3001 topics .* name fewer with --topics/,
    })
    assert.deepEqual(await readdir(options.directory), [])

    const job = featuresViewJob(temporary.clickhouse)
    const context = { signal: new AbortController().signal, onProgress: () => {} }
    for (const topics of [namesOf(5_001), names.map((name) => name + 'y'.repeat(200))]) {
      const refused = { code: 'REQUEST_INVALID', message: /^[^\n]{0,300} name fewer: [^\n]{0,60}$/ }
      await assert.rejects(job.run(job.parse({ topics }), context), refused)
    }
  })

  test('an export that fails leaves nothing, and works when it is run again', async () => {
    await fill(40, 8, 3)
    let parts = 0
    const failing: Send = async (address, init) => {
      if (typeof init?.body === 'string' && init.body.endsWith('FORMAT Parquet')) parts += 1
      return parts === 2
        ? new Response('Code: 241. full', { status: 500 })
        : clickhouse(address, init)
    }
    const options = optionsOf({ clickhouse: failing })
    await assert.rejects(exportTrainingSet(options), {
      code: 'QUERY_FAILED',
      message: /241\. full/,
    })
    assert.deepEqual(await readdir(options.directory), [])
    assert.equal((await exportTrainingSet({ ...options, clickhouse })).rows, 40)
  })

  test('a directory with what an export that was cut off has left is told from any other', async () => {
    const options = optionsOf()
    await mkdir(join(options.directory, 'year=2026'), { recursive: true })
    const cutOff = { code: 'CONFIGURATION_INVALID', message: /without training-set\.json/ }
    await assert.rejects(exportTrainingSet(options), cutOff)
    await writeFile(join(options.directory, 'training-set.json'), '{}')
    const filled = { code: 'CONFIGURATION_INVALID', message: /is not empty/ }
    await assert.rejects(exportTrainingSet(options), filled)
    assert.deepEqual(await readdir(options.directory), ['training-set.json', 'year=2026'])
  })

  test('the abilities need no answer that is held as a whole, and are those of all first attempts', async () => {
    const small = door({ resultBytesMax: 100 })
    const attempt = fc.record({
      user_id: fc.constantFrom('ann', 'bob', 'it’s "Eve"\n'),
      attempt_id: fc.constantFrom('a', 'b', 'c', 'd'),
      topic: fc.constantFrom('x', 'y'),
      item_id: fc.constantFrom('1', '2', '3'),
      correct: fc.boolean(),
      event_time: fc.integer({ min: 1, max: 3 }),
    })
    const selector = (one: { user_id: string; attempt_id: string }) => one.user_id + one.attempt_id
    const property = fc.asyncProperty(
      fc.uniqueArray(attempt, { selector, minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      async (attempts, attemptsMax) => {
        const { writer } = temporary.clickhouse
        await writer.command({ query: `TRUNCATE TABLE ${table}` })
        await writer.insert({ table, values: attempts, format: 'JSONEachRow' })
        const first = attempts.filter((one) =>
          attempts.every(
            (other) =>
              keyOf(other) !== keyOf(one) ||
              other.event_time > one.event_time ||
              (other.event_time === one.event_time && other.attempt_id >= one.attempt_id),
          ),
        )
        const expected = [...Map.groupBy(first, (one) => `${one.user_id} ${one.topic}`)]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, answers]) => {
            const { ability } = expectedAPosteriori(
              answers.map(({ topic, item_id, correct }) => {
                const same = first.filter((one) => one.topic === topic && one.item_id === item_id)
                const right = same.filter((one) => one.correct).length
                const difficulty = Math.log((same.length - right + 0.5) / (right + 0.5))
                return { discrimination: 1, difficulty, correct }
              }),
            )
            return [key, answers.length, rounded(ability)]
          })
        const rows = await learnerAbilities(small, attemptsMax)
        assert.deepEqual(
          rows.map((row) => [`${row.user_id} ${row.topic}`, row.items, rounded(row.ability)]),
          expected,
        )
      },
    )
    await fc.assert(property, { numRuns: 15 })
  })
})

/** Sums of the same numbers in another order; without a negative zero. */
function rounded(ability: number): number {
  return Math.round(ability * 1e9) + 0
}

function keyOf(attempt: { user_id: string; topic: string; item_id: string }): string {
  return JSON.stringify([attempt.user_id, attempt.topic, attempt.item_id])
}
