/** The lake as a user sees it: commands on an instance, files read by another reader, a late event, a damaged file. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-lake-'))
const lake = join(directory, 'lake')
const flags = [
  ...['--data-dir', join(directory, 'data'), '--topologies', 'exam-scores'],
  ...['--lake-location', lake, '--lake-processed-retention-days', '0'],
  ...['--lake-raw-retention-days', '0', '--lake-aggregated-retention-days', '0'],
]

after(async () => {
  await killAllInstances()
  rmSync(directory, { recursive: true, force: true })
})

async function tidemark(code: number, ...words: readonly string[]): Promise<string> {
  const ended = await runCommand([...words, ...flags])
  assert.equal(ended.code, code, ended.stderr)
  return ended.stdout
}

async function written(): Promise<Record<string, number>> {
  const datasets = JSON.parse(await tidemark(0, 'lake', 'write', '--format', 'json')) as {
    readonly name: string
    readonly rows: number
    readonly days_written: number
  }[]
  const changed = datasets.filter(({ days_written }) => days_written > 0)
  return Object.fromEntries(changed.map(({ name, rows }) => [name, rows]))
}

async function ingest(scores: readonly object[]): Promise<void> {
  const file = join(directory, 'scores.jsonl')
  writeFileSync(file, scores.map((score) => `${JSON.stringify(score)}\n`).join(''))
  await tidemark(0, 'ingest', 'exam_score', file, '--wait')
}

function parts(folder: string): string[] {
  return readdirSync(join(lake, 'analytics', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => join(lake, 'analytics', folder, name))
}

async function rowsOf(folder: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (const path of parts(folder)) {
    rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(path) })))
  }
  return rows
}

test('what an instance has is in the lake, and what comes later is added to it', async () => {
  const portOffset = await freePortOffset()
  const [, dataDir = '', ...words] = flags
  const instance = new InstanceProcess({ dataDir, portOffset, words })
  await instance.ready()
  const score = { studentId: 'ann', exam: 1, score: 0.5 }
  await ingest([score, { studentId: 'bob', exam: 1, score: 1 }])
  const first = await written()
  assert.equal(first['exam_score'], 2)
  assert.equal(first['exam_scores.events'], 2)
  assert.equal(first['exam_scores.exam_average_score'], 1)
  assert.deepEqual(await written(), {})
  const raw = await rowsOf('raw/exam_score')
  const values = raw.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>)
  assert.deepEqual(values.map(({ score: points }) => points).sort(), [0.5, 1])
  const [average] = await rowsOf('aggregated/exam_scores.exam_average_score')
  assert.equal(average?.['average_score'], 0.75)
  await ingest([{ studentId: 'cy', exam: 1, score: 0.3 }])
  assert.equal((await written())['exam_score'], 1)
  assert.equal((await rowsOf('raw/exam_score')).length, 3)
  assert.equal((await rowsOf('aggregated/exam_scores.exam_average_score')).length, 1)
  assert.match(await tidemark(0, 'lake', 'validate', 'events', '--days', '2'), /0 of them faulty/)
  assert.match(await tidemark(0, 'lake', 'summary'), /aggregated +exam_scores\.exam_average_score/)
  assert.match(await tidemark(0, 'lake', 'report', '--days', '2'), /retention takes next/)
  assert.match(await tidemark(0, 'lake', 'cleanup', '--dry-run'), /0 days/)
  const exit = await instance.end('SIGTERM')
  assert.equal(exit.code, 0, instance.output)
})

test('a file that is damaged ends validate with 1, and a command without a lake ends with 2', async () => {
  const [path = ''] = parts('processed/exam_scores.students')
  const bytes = readFileSync(path)
  bytes[8] = (bytes[8] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const told = await tidemark(1, 'lake', 'validate', 'exam_scores.students')
  assert.match(told, /faulty .* is damaged: its checksum is another/)
  const without = await runCommand(['lake', 'summary', ...flags.slice(0, 4)])
  assert.equal(without.code, 2, without.stderr)
  assert.match(without.stderr, /CONFIGURATION_INVALID: there is no lake: set lake\.location/)
})
