/** Law 1, asked of persons who were erased: facts are those of an instance that never saw their events, and no byte of theirs is left. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import type { LakeValidated } from '../../src/jobs/lake/validate-job.ts'
import { partition, topicName } from '../../src/core/record.ts'
import { crashEvents, type CrashEvent } from './support/crash-events.ts'
import { crashWorlds } from './support/crash-worlds.ts'
import { factTables } from './support/facts.ts'
import { runCommand } from './support/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-erase-'))
const lake = join(directory, 'lake')
const learner = 'learner-quux-zelda'
const teacher = 'teacher-quux-wanda'
const pupil = 'pupil-quux-zoltan'
const user = 'user-quux-zenobia'
const number = '987654321'
const needles = [learner, teacher, pupil, user, number].map((name) => Buffer.from(name))
/** As ClickHouse keeps it. */
const numberBytes = Buffer.alloc(4)
numberBytes.writeInt32LE(Number(number))
const everybody = [...needles, numberBytes]

/** One person in each topology that has some bears a name which nothing else looks like. */
const renamed: Readonly<Record<string, readonly [from: string, to: string]>> = {
  students: ['s7', learner],
  sessions: ['s7', learner],
  answers: ['s7', learner],
  submissions: ['s7', learner],
  teachers: ['teacher1', teacher],
  tests: ['teacher1', teacher],
  exam_score: ['s9', pupil],
}

const everybodyByName: ReadonlySet<unknown> = new Set([
  ...[learner, teacher, pupil, user],
  ...[number, `0${number}`],
])

/** OULAD's, of ten worlds, and one that is written in another way and refused for it. */
const numbers: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 10 }, (_, world) => [
    [`${world + 1}1`, number],
    [`${world + 1}07`, `0${number}`],
  ]).flat(),
)

const all = [...crashEvents(11, { withEdnet: false }), ...crashWorlds(11, 60)].map(named)
const left = all.filter((event) => !isErased(event)).map(withoutTeacher)

function named({ topic, value, timestampMs }: CrashEvent): CrashEvent {
  const [from, to] = renamed[topic] ?? []
  const changed = Object.entries(value).map(([field, cell]) => {
    if (cell === from) return [field, to]
    // Of a session, whose id has its student in it.
    if (field === 'session_id' && value['student_id'] === from && typeof cell === 'string') {
      return [field, cell.replace(`${from}-`, `${to}-`)]
    }
    if (field === 'user_id' && typeof cell === 'string' && cell.endsWith('-5')) return [field, user]
    if (field === 'id_student' && typeof cell === 'string') return [field, numbers[cell] ?? cell]
    return [field, cell]
  })
  return { topic, value: Object.fromEntries(changed) as CrashEvent['value'], timestampMs }
}

function isErased({ topic, value }: CrashEvent): boolean {
  if (topic === 'tests') return false
  return Object.values(value).some((cell) => everybodyByName.has(cell))
}

function withoutTeacher({ topic, value, timestampMs }: CrashEvent): CrashEvent {
  if (value['teacher_id'] !== teacher) return { topic, value, timestampMs }
  return { topic, value: { ...value, teacher_id: null }, timestampMs }
}

const configurationOf = (name: string) =>
  loadConfiguration({
    flags: {
      dataDir: join(directory, name),
      workers: 0,
      ...(name === 'erased' ? { 'lake.location': lake, 'lake.compression': 'none' } : {}),
      'lake.rawRetentionDays': 0,
      'lake.processedRetentionDays': 0,
      'lake.aggregatedRetentionDays': 0,
    },
    environment: {},
    directory,
  })

async function withInstance<T>(name: string, use: (instance: Instance) => Promise<T>): Promise<T> {
  const instance = await openInstance(configurationOf(name), { listen: false })
  try {
    return await use(instance)
  } finally {
    await instance.stop()
  }
}

async function feed(name: string, events: readonly CrashEvent[]): Promise<void> {
  await withInstance(name, async (instance) => {
    const options = { onError: 'quarantine', source: 'ingest' } as const
    for (const [topic, of] of Map.groupBy(events, (event) => event.topic)) {
      const records = of.map(({ value: json, timestampMs }) => ({
        content: { form: 'json' as const, json },
        timestampMs,
      }))
      await instance.services.ingest.ingest(topic, records, options)
    }
    await untilIdle(instance)
  })
}

async function untilIdle(instance: Instance): Promise<void> {
  while (!(await instance.whenIdle(10_000)));
}

async function rowsOf({ services }: Instance, query: string): Promise<readonly string[]> {
  const result = await services.clickhouse.reader.query({ query, format: 'JSONEachRow' })
  return (await result.json<object>()).map((row) => JSON.stringify(row))
}

async function factsOf(instance: Instance): Promise<ReadonlyMap<string, readonly string[]>> {
  const facts = new Map<string, readonly string[]>()
  for (const { database, table } of factTables) {
    const name = `${database}.${table}`
    const query = `SELECT * EXCEPT (known_at, version) FROM ${name} ORDER BY ALL`
    facts.set(name, await rowsOf(instance, query))
  }
  return facts
}

const refusedOf = (instance: Instance) =>
  rowsOf(
    instance,
    `SELECT DISTINCT topic, \`check\`, level, reason, record_format,
       hex(if(record_format = 'avro', substring(record_value, 6), record_value)) AS value
     FROM tidemark.quarantine ORDER BY ALL`,
  )

/** Files that have one of the names in them. */
function filesWith(path: string, names: readonly Buffer[]): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = readFileSync(file)
      return names.some((name) => bytes.includes(name))
    })
}

const erase = (topology: string, ...words: readonly string[]) =>
  runCommand([
    ...['erase', '--topology', topology, ...words],
    ...['--data-dir', join(directory, 'erased'), '--workers', '0'],
    ...['--lake-location', lake, '--lake-compression', 'none', '--lake-raw-retention-days', '0'],
    ...['--lake-processed-retention-days', '0', '--lake-aggregated-retention-days', '0'],
  ])

const requests: readonly (readonly [topology: string, ...words: string[]])[] = [
  ['mcq', learner, '--kind', 'student'],
  ['mcq', teacher, '--kind', 'teacher'],
  ['exam-scores', pupil],
  ['adaptive-learning', user],
  ['open-university', number],
]

before(async () => {
  await feed('never', left)
  await feed('erased', all)
  await withInstance('erased', async (instance) => {
    const { services } = instance
    // Refused at the door, and refused in the log.
    const refused = { form: 'json', json: { student_id: learner, test_id: '' } } as const
    const options = { onError: 'quarantine', source: 'ingest' } as const
    await services.ingest.ingest('answers', [{ content: refused }], options)
    const value = Buffer.from(`no Avro, but of ${pupil}: 12`)
    const record = { key: Buffer.from(pupil), value, timestampMs: 1_700_000_000_000 }
    const at = { topic: topicName('exam_score'), partition: partition(0) }
    await services.log.append([{ ...at, records: [record] }])
    await untilIdle(instance)
    assert.equal((await rowsOf(instance, ofQuarantine(learner, pupil))).length, 2)
    await (
      await services.jobs.start('lake.write', {})
    ).outcome
  })
})
after(() => {
  rmSync(directory, { recursive: true, force: true })
})

const ofQuarantine = (...names: readonly string[]) =>
  `SELECT id FROM tidemark.quarantine WHERE ${names.map((name) => `position(record_value, '${name}') > 0`).join(' OR ')}`

test('a dry run tells what is there, in topics and tables, and changes nothing', async () => {
  assert.ok(all.length - left.length > 50, `${all.length - left.length} events of those`)
  for (const request of requests) {
    const { code, stdout, stderr } = await erase(...request, '--dry-run', '--format', 'json')
    assert.equal(code, 0, stderr)
    const report = JSON.parse(stdout) as Report
    assert.ok(
      report.events.some(({ events, mentions }) => events + mentions > 0),
      stdout,
    )
    assert.ok(
      report.rows.some(({ rows }) => rows > 0),
      stdout,
    )
    assert.equal(report.erasure, null)
  }
  const found = filesWith(join(directory, 'erased'), needles)
  assert.ok(
    found.some((file) => file.includes('storage')),
    found.join('\n'),
  )
  assert.ok(
    found.some((file) => file.includes('clickhouse')),
    found.join('\n'),
  )
  assert.ok(filesWith(lake, needles).length > 10)
})

interface Report {
  readonly events: readonly { readonly events: number; readonly mentions: number }[]
  readonly rows: readonly { readonly rows: number }[]
  readonly quarantined: number
  readonly erasure: string | null
}

test('without --yes, without a known kind or topology, nothing is begun', async () => {
  for (const [words, code, told] of [
    [['mcq', learner, '--kind', 'student'], 2, /look with --dry-run, do it with --yes/],
    [['mcq', learner, '--yes'], 1, /say which with --kind, one of student, teacher/],
    [['mcq', learner, '--kind', 'user', '--yes'], 1, /its persons are student, teacher/],
    [['student-performance', learner, '--yes'], 1, /no topic whose events name a person/],
    [['mcq', '--yes'], 2, /name who is to be erased/],
  ] as const) {
    const [topology = '', ...rest] = words
    const ended = await erase(topology, ...rest)
    assert.equal(ended.code, code, ended.stderr)
    assert.match(ended.stderr, told)
  }
  const nobody = await erase('mcq', 'nobody-quux', '--kind', 'student', '--dry-run')
  assert.match(nobody.stdout, /0 events, 0 refused records/)
})

test('who is erased leaves no row that would be otherwise, and no byte', async () => {
  for (const request of requests) {
    const { code, stdout, stderr } = await erase(...request, '--yes', '--format', 'json')
    assert.equal(code, 0, stderr)
    assert.notEqual((JSON.parse(stdout) as Report).erasure, null)
  }
  const expected = await withInstance('never', factsAndRefused)
  const { facts, refused } = await withInstance('erased', factsAndRefused)
  for (const [table, rows] of expected.facts) assert.deepEqual(facts.get(table), rows, table)
  assert.deepEqual(refused, expected.refused)
  assert.deepEqual(filesWith(join(directory, 'erased'), everybody), [])
  assert.deepEqual(filesWith(lake, needles), [])
})

test('the lake is as its metadata says, and its tables are those of now', async () => {
  await withInstance('erased', async (instance) => {
    for (const target of ['exam_score', 'mcq.students']) {
      const { outcome } = await instance.services.jobs.start('lake.validate', { table: target })
      const { days, faulty } = (await outcome) as LakeValidated
      assert.equal(faulty, 0, JSON.stringify(days))
      assert.ok(days.length > 0 && days.every(({ state }) => state === 'ok'), JSON.stringify(days))
    }
  })
})

test('a reset reads the same events again, and counts those that are not there', async () => {
  const reset = await runCommand(['reset', '--data-dir', join(directory, 'erased'), '--facts'])
  assert.equal(reset.code, 0, reset.stderr)
  const expected = await withInstance('never', factsOf)
  await withInstance('erased', async (instance) => {
    await untilIdle(instance)
    const facts = await factsOf(instance)
    for (const [table, rows] of expected) assert.deepEqual(facts.get(table), rows, table)
    const [status] = instance.status().topologies.filter(({ name }) => name === 'exam-scores')
    const scores = all.filter(({ topic }) => topic === 'exam_score')
    const erased = scores.filter(isErased).length
    // And one that was no Avro.
    assert.equal(status?.erased, erased + 1)
    const tasks = instance.services.runtime.status().tasks
    const ofSources = tasks.filter(
      ({ topologyName, subTopology }) => topologyName === 'exam-scores' && subTopology === 0,
    )
    const processed = ofSources.reduce((sum, task) => sum + task.processed, 0)
    assert.equal(processed, scores.length - erased)
  })
})

async function factsAndRefused(instance: Instance) {
  return { facts: await factsOf(instance), refused: await refusedOf(instance) }
}
