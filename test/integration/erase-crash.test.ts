/** A process that dies while it erases leaves a request, and whatever opens the data directory next carries it out. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { readErasures } from '../../src/app/erasure-records.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { ownMetaRecords } from '../../src/app/meta-records.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-erase-crash-'))
const child = fileURLToPath(new URL('erase-crash.test-child.ts', import.meta.url))
const pupil = 'pupil-quux-zoltan'
const startMs = Date.UTC(2024, 5, 1, 9)
const scores = Array.from({ length: 300 }, (_, at) => ({
  exam: at % 7,
  studentId: at % 20 === 3 ? pupil : `s${at % 20}`,
  score: at % 11 === 0 ? null : (at * 37) % 100,
  event_id: `e${at}`,
  timestamp: startMs + at * 10_000,
}))
const others = scores.filter(({ studentId }) => studentId !== pupil)

async function withInstance<T>(name: string, use: (instance: Instance) => Promise<T>): Promise<T> {
  const configuration = loadConfiguration({
    flags: { dataDir: join(directory, name), topologies: 'exam-scores', workers: 0 },
    environment: {},
    directory,
  })
  const instance = await openInstance(configuration, { listen: false })
  try {
    return await use(instance)
  } finally {
    await instance.stop()
  }
}

const feed = (name: string, values: readonly object[]) =>
  withInstance(name, async (instance) => {
    const records = values.map((json) => ({ content: { form: 'json' as const, json } }))
    const options = { onError: 'refuse', source: 'ingest' } as const
    await instance.services.ingest.ingest('exam_score', records, options)
    while (!(await instance.whenIdle(10_000)));
  })

async function factsOf({ services }: Instance): Promise<readonly unknown[]> {
  const rows: unknown[] = []
  for (const table of ['events', 'students', 'student_average_score', 'exam_average_score']) {
    const query = `SELECT * EXCEPT (known_at, version) FROM exam_scores.${table} ORDER BY ALL`
    const result = await services.clickhouse.reader.query({ query, format: 'JSONEachRow' })
    rows.push(await result.json())
  }
  return rows
}

function filesWith(path: string, name: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(name))
}

let expected: readonly unknown[] = []

before(async () => {
  await feed('never', others)
  expected = await withInstance('never', factsOf)
  await feed('fed', scores)
})
after(() => {
  rmSync(directory, { recursive: true, force: true })
})

const places = [
  'events',
  'refused records and runs',
  'quality',
  'state and facts',
  'tables',
  'disk',
  'the facts are to be made again',
  'between',
  'while the facts are made again',
]

for (const [number, place] of places.entries()) {
  test(`it dies at: ${place}`, async () => {
    const name = `died-${number}`
    const dataDir = join(directory, name)
    cpSync(join(directory, 'fed'), dataDir, { recursive: true })
    const process_ = spawn(process.execPath, [child, dataDir, pupil, place], { stdio: 'inherit' })
    const [code, signal] = (await once(process_, 'exit')) as [number | null, string | null]
    assert.deepEqual([code, signal], [null, 'SIGKILL'])
    const [begun] = await readErasures(ownMetaRecords(dataDir))
    assert.deepEqual(begun?.subjects, [pupil])
    const facts = await withInstance(name, async (instance) => {
      await instance.services.erasures
      return await factsOf(instance)
    })
    assert.deepEqual(facts, expected)
    const [ended, ...more] = await readErasures(ownMetaRecords(dataDir))
    assert.deepEqual(more, [])
    assert.equal(ended?.state, 'done')
    const erased = ended.events.reduce((sum, { events }) => sum + events, 0)
    assert.equal(erased, scores.length - others.length)
    assert.deepEqual(filesWith(dataDir, pupil), [])
  })
}

test('who comes back is there again, and only with what came since', async () => {
  const back = { ...scores[0], studentId: pupil, event_id: 'back' }
  await feed('died-0', [back])
  const found = await withInstance('died-0', async ({ services }) => {
    const query = `SELECT id FROM exam_scores.events WHERE student_id = '${pupil}'`
    const result = await services.clickhouse.reader.query({ query, format: 'JSONEachRow' })
    return await result.json()
  })
  assert.deepEqual(found, [{ id: 'back' }])
})
