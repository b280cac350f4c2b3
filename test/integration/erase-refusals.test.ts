/** What erasing does not begin, and what it makes of a log or a lake that had only the one person. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { eraseSubjects, type EraseRequest } from '../../src/app/erase.ts'
import { readErasures } from '../../src/app/erasure-records.ts'
import type { Instance } from '../../src/app/instance.ts'
import { ownMetaRecords } from '../../src/app/meta-records.ts'
import { offset, partition, topicName } from '../../src/core/record.ts'
import { clicksTopology } from './support/clicks-topology.ts'
import { runCommand } from './support/run-command.ts'
import { withIdleInstance } from './support/idle-instance.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-erase-refusals-'))
const dataDir = join(directory, 'data')
const lake = join(directory, 'lake')
const pupil = 'pupil-quux-zoltan'
const configuration = loadConfiguration({
  flags: {
    ...{ dataDir, topologies: 'exam-scores', workers: 0, partitions: 1 },
    ...{ 'lake.location': lake, 'lake.compression': 'none', 'lake.rawRetentionDays': 0 },
    'lake.processedRetentionDays': 0,
  },
  environment: {},
  directory,
})

after(() => {
  rmSync(directory, { recursive: true, force: true })
})

function withInstance<T>(use: (instance: Instance) => Promise<T>): Promise<T> {
  return withIdleInstance(configuration, use)
}

const erase = (request: Partial<EraseRequest> = {}) =>
  eraseSubjects(
    configuration,
    {
      ...{ topology: 'exam-scores', kind: null, names: [pupil] },
      ...{ dryRun: false, retainedOnly: false, ...request },
    },
    { signal: new AbortController().signal, onProgress: () => {}, onWait: () => {} },
  )

const filesWith = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(pupil))

before(async () => {
  await withInstance(async ({ services, whenIdle }) => {
    const records = Array.from({ length: 20 }, (_, at) => ({
      content: {
        form: 'json' as const,
        json: {
          ...{ exam: at, studentId: pupil, score: at, event_id: `e${at}` },
          timestamp: Date.UTC(2024, 5, 1) + at,
        },
      },
    }))
    const options = { onError: 'refuse', source: 'ingest' } as const
    await services.ingest.ingest('exam_score', records, options)
    while (!(await whenIdle(10_000)));
    // Texts that show a row: an example of a check, and one of a run.
    const query = `INSERT INTO tidemark.quality_results (run_id, topology, measured_at, detail)
      VALUES ('r1', 'mcq', now(), 'e17 of ${pupil}: 101 > 100'), ('r2', 'mcq', now(), 'of s1: 101')`
    await services.clickhouse.writer.command({ query })
    const { signal } = new AbortController()
    const examples = [{ kind: 'extra', key: { student_id: pupil } }]
    await services.runs.record('test', {}, signal, () => Promise.resolve({ rows: 5, examples }))
    await (
      await services.jobs.start('lake.write', {})
    ).outcome
    const at = { topic: topicName('exam_score'), partition: partition(0) }
    await services.log.deleteRecords([{ ...at, offset: offset(5) }])
  })
})

test('where the log has lost its first events it is refused, since what others rest on would not come again', async () => {
  await assert.rejects(erase(), {
    code: 'REQUEST_INVALID',
    message: /no longer has the first events of exam_score-0 \(before offset/,
  })
  assert.deepEqual(await readErasures(ownMetaRecords(dataDir)), [])
})

test('a topology that does not say which fields name a person is refused', async () => {
  const topology = await clicksTopology(join(directory, 'clicks.ts'), 'clicks')
  await assert.rejects(erase({ topology }), {
    code: 'REQUEST_INVALID',
    message: /topic clicks does not say which of its fields name a person/,
  })
})

test('on a cluster it is refused, before anything is asked of it', async () => {
  const { code, stderr } = await runCommand([
    ...['erase', pupil, '--topology', 'exam-scores', '--yes', '--data-dir', join(directory, 'no')],
    ...['--kafka-bootstrap-servers', '127.0.0.1:1', '--registry-url', 'http://127.0.0.1:1'],
    ...['--clickhouse-url', 'http://127.0.0.1:1'],
  ])
  assert.equal(code, 1)
  assert.match(stderr, /^REQUEST_INVALID: erase works on a data directory’s own log/)
})

test('the last person takes all files along, and what a backfill that died has left', async () => {
  mkdirSync(join(dataDir, 'backfill'))
  writeFileSync(join(dataDir, 'backfill', 'left'), pupil)
  assert.ok(filesWith(lake).length >= 4, filesWith(lake).join())
  const { erasure } = await erase({ retainedOnly: true })
  assert.notEqual(erasure, null)
  const texts = await withInstance(async ({ services }) => {
    await services.erasures
    const query = `SELECT detail AS text FROM tidemark.quality_results ORDER BY run_id
      UNION ALL SELECT assumeNotNull(result) AS text FROM tidemark.runs WHERE job = 'test'`
    const found = await services.clickhouse.reader.query({ query, format: 'JSONEachRow' })
    return (await found.json<{ text: string }>()).map(({ text }) => text)
  })
  const examples = [{ kind: 'extra', key: { student_id: '[erased]' } }]
  assert.deepEqual(texts.sort(), ['', 'of s1: 101', JSON.stringify({ rows: 5, examples })])
  assert.deepEqual(filesWith(lake), [])
  assert.deepEqual(filesWith(dataDir), [])
  const [ended] = await readErasures(ownMetaRecords(dataDir))
  assert.equal(ended?.state, 'done')
  // Whoever knows the name may ask, and nobody else is named.
  const list = (name: string) => runCommand(['erase', '--list', name, '--data-dir', dataDir])
  assert.match((await list(pupil)).stdout, /exam-scores +student +done/)
  assert.equal((await list('s1')).stdout, 'nothing was erased\n')
})
