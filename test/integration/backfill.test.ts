/** Facts compared with a replay of their events, and put right: on an instance of its own, with real commands. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runBackfill } from '../../src/app/backfill.ts'
import { loadConfiguration } from '../../src/app/configuration.ts'
import type { Instance } from '../../src/app/instance.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import type { BackfilledTable } from '../../src/jobs/backfill/backfill.ts'
import { readBackfillRequest } from '../../src/jobs/backfill/backfill-request.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { runCommand } from './support/run-command.ts'
import { withIdleInstance } from './support/idle-instance.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-backfill-'))
const dataDir = join(directory, 'data')
const configuration = loadConfiguration({
  flags: { dataDir, topologies: 'exam-scores', workers: 0 },
  environment: {},
  directory,
})
const startMs = Date.UTC(2024, 5, 1, 9)
const scores = Array.from({ length: 900 }, (_, at) => ({
  exam: at % 7,
  studentId: `s${at % 40}`,
  score: at % 11 === 0 ? null : (at * 37) % 100,
  event_id: `e${at}`,
  timestamp: startMs + at * 10_000,
}))

before(async () => {
  await withInstance(async ({ services }) => {
    const records = scores.map((json) => ({ content: { form: 'json' as const, json } }))
    const report = await services.ingest.ingest('exam_score', records, {
      onError: 'refuse',
      source: 'ingest',
    })
    assert.equal(report.taken, scores.length)
  })
})
after(() => {
  rmSync(directory, { recursive: true, force: true })
})

function withInstance<T>(use: (instance: Instance) => Promise<T>): Promise<T> {
  return withIdleInstance(configuration, use)
}

async function rowsOf<Row>({ services }: Instance, query: string): Promise<readonly Row[]> {
  const result = await services.clickhouse.reader.query({ query, format: 'JSONEachRow' })
  return await result.json<Row>()
}

const current = (instance: Instance) =>
  rowsOf<{ id: string; score: number | null; known_at: string }>(
    instance,
    'SELECT id, score, known_at FROM exam_scores.events ORDER BY id',
  )

/** By hand, past all that Tidemark knows of. Returns the rows that are there then. */
async function damage() {
  return await withInstance(async (instance) => {
    const { clickhouse } = instance.services
    const run = (query: string) =>
      clickhouse.writer.command({ query, clickhouse_settings: { mutations_sync: '2' } })
    const events = 'exam_scores.events_versions'
    await run(`ALTER TABLE ${events} UPDATE score = -1 WHERE id IN ('e100', 'e700')`)
    await run(`ALTER TABLE ${events} DELETE WHERE id IN ('e101', 'e701', 'e702')`)
    // Newer than any version of the log.
    await run(
      `INSERT INTO ${events} SELECT * REPLACE (bitShiftLeft(toUInt64(1), 60) AS version, 7 AS score) FROM ${events} WHERE id = 'e102'`,
    )
    await run(
      `INSERT INTO ${events} SELECT * REPLACE ('nobody' AS id) FROM (SELECT * FROM ${events} WHERE id = 'e103')`,
    )
    return await current(instance)
  })
}

type Counts = Omit<BackfilledTable, 'table' | 'examples'>

/** The tables that are not all the same. */
function wrongIn(tables: readonly BackfilledTable[]): Readonly<Record<string, Partial<Counts>>> {
  const wrong = tables.filter(
    (each) => each.different + each.missing + each.extra + each.changed > 0,
  )
  return Object.fromEntries(
    wrong.map(({ table, different, missing, extra, put_right }) => [
      table,
      { different, missing, extra, put_right },
    ]),
  )
}

async function backfill(request: object, signal = new AbortController().signal) {
  return await runBackfill(
    configuration,
    readBackfillRequest({ topology: 'exam-scores', ...request }),
    { signal, onProgress: () => {}, onWait: () => {} },
  )
}

const found = { different: 3, missing: 3, extra: 1 }

test('what was damaged by hand is told, with examples, and nothing is changed by that', async () => {
  const before = await damage()
  const { tables, events } = await backfill({ dry_run: true })
  assert.equal(events, scores.length)
  assert.deepEqual(wrongIn(tables), { 'exam_scores.events': { ...found, put_right: 0 } })
  const examples = tables.find(({ table }) => table === 'exam_scores.events')?.examples ?? []
  assert.deepEqual(
    examples.find(({ key }) => key['id'] === 'e100'),
    { kind: 'different', key: { id: 'e100' }, columns: { score: { live: '-1', replay: '0' } } },
  )
  assert.deepEqual(
    examples.filter(({ kind }) => kind !== 'different').map(({ kind, key }) => [kind, key['id']]),
    [
      ['missing', 'e101'],
      ['missing', 'e701'],
      ['missing', 'e702'],
      ['extra', 'nobody'],
    ],
  )
  assert.deepEqual(await withInstance(current), before)
  const { code, stdout } = await runCommand([
    ...['backfill', 'exam-scores', '--dry-run', '--table', 'events,students'],
    ...['--data-dir', dataDir],
  ])
  assert.equal(code, 1, stdout)
  assert.match(stdout, /exam_scores\.events +\d+ +3 +3 +1 +0 +0\n/)
})

test('of a window, only rows of that time are put right', async () => {
  const window = { start: '2024:06:01 10', end: '2024:06:01 11' }
  const { tables, start, end } = await backfill(window)
  assert.deepEqual([start, end], ['2024-06-01T10:00:00.000Z', '2024-06-01T11:00:00.000Z'])
  // e700 and on: 9:00 and 7,000 s is 10:56:40; e100 and on are before ten.
  assert.deepEqual(wrongIn(tables), {
    'exam_scores.events': { different: 1, missing: 2, extra: 0, put_right: 3 },
  })
})

test('without one, all that differs is put right; a rebuild and a start keep it so', async () => {
  const { tables } = await backfill({})
  assert.deepEqual(wrongIn(tables), {
    'exam_scores.events': { different: 2, missing: 1, extra: 1, put_right: 4 },
  })
  const isRight = async (when: string) => {
    const again = await backfill({ dry_run: true })
    assert.deepEqual(wrongIn(again.tables), {}, when)
  }
  await isRight('at once')
  await withInstance(() => Promise.resolve())
  await isRight('after a start')
  const { code, stderr } = await runCommand([
    ...['rebuild', '--topologies', 'exam-scores', '--data-dir', dataDir],
  ])
  assert.equal(code, 0, stderr)
  await isRight('after a rebuild')
})

test('another formula is applied to the rows of a window alone', async () => {
  const own = new URL('../../topologies/exam-scores.ts', import.meta.url)
  const text = readFileSync(own, 'utf8')
  const changed = text
    .replaceAll("'../src/", `'${new URL('../src/', own).href}`)
    .replace(
      'rowsOf.event)',
      '(score, at) => ({ ...rowsOf.event(score, at), score: score.score === null ? null : score.score / 100 }))',
    )
  assert.notEqual(changed.includes('rowsOf.event)'), true)
  const path = join(directory, 'exam-scores.ts')
  writeFileSync(path, changed)
  const { code, stdout, stderr } = await runCommand([
    ...['backfill', path, '--start', '2024:06:01 10', '--end', '2024:06:01 11'],
    ...['--data-dir', dataDir, '--format', 'json'],
  ])
  assert.equal(code, 0, stderr)
  const { tables } = JSON.parse(stdout) as { tables: readonly BackfilledTable[] }
  const ofWindow = scores.filter(({ timestamp }) => {
    return timestamp >= Date.UTC(2024, 5, 1, 10) && timestamp < Date.UTC(2024, 5, 1, 11)
  })
  const touched = new Map(ofWindow.map(({ event_id: id, score }) => [id, score]))
  const differ = ofWindow.filter(({ score }) => score !== null && score !== 0).length
  assert.deepEqual(wrongIn(tables), {
    'exam_scores.events': { different: differ, missing: 0, extra: 0, put_right: differ },
  })
  const rows = await withInstance(current)
  for (const { id, score } of rows) {
    const was = scores.find(({ event_id: eventId }) => eventId === id)?.score ?? null
    assert.equal(score, touched.has(id) && was !== null ? was / 100 : was, id)
  }
})

test('while an instance runs, rows are only compared', async () => {
  await withInstance(async ({ services: { jobs } }) => {
    const start = (request: object) => jobs.start('backfill', request)
    await assert.rejects(start({ topology: 'exam-scores' }), /stop it, or compare only/)
    const { outcome } = await start({ topology: 'exam-scores', dry_run: true, tables: ['events'] })
    const { tables } = (await outcome) as { tables: readonly BackfilledTable[] }
    assert.deepEqual(Object.keys(wrongIn(tables)), ['exam_scores.events'])
    const unknown = await start({ topology: 'mcq', dry_run: true })
    await assert.rejects(unknown.outcome, /mcq is not running; running are exam-scores/)
  })
})

test('interrupted before the tables change names, readers see what was there; the next start brings what was appended', async () => {
  const before = await readDirectly()
  const interruption = new AbortController()
  const request = readBackfillRequest({ topology: 'exam-scores' })
  const listener = {
    signal: interruption.signal,
    onProgress: ({ text }: { readonly text: string }) => {
      if (text.endsWith('rows put right')) interruption.abort()
    },
    onWait: () => {},
  }
  await assert.rejects(
    runBackfill(configuration, request, listener),
    (thrown: unknown) => thrown instanceof TidemarkError && thrown.code === 'JOB_INTERRUPTED',
  )
  assert.deepEqual(await readDirectly(), before)
  await withInstance(async (instance) => {
    const beside = `SELECT name FROM system.tables WHERE name LIKE '%backfill%'`
    assert.deepEqual(await rowsOf(instance, beside), [])
    const runs = `SELECT state FROM tidemark.runs WHERE job = 'backfill' ORDER BY started_at DESC LIMIT 1`
    assert.deepEqual(await rowsOf(instance, runs), [{ state: 'interrupted' }])
  })
  assert.deepEqual(wrongIn((await backfill({})).tables), {})
})

/** Past any consumer of facts. */
async function readDirectly(): Promise<readonly unknown[]> {
  const clickhouse = await openClickHouse({ path: join(dataDir, 'clickhouse') })
  try {
    const query = 'SELECT * FROM exam_scores.events ORDER BY id'
    const result = await clickhouse.reader.query({ query, format: 'JSONEachRow' })
    return await result.json()
  } finally {
    await clickhouse.close()
  }
}
