/** What was run, as a user sees it: imports and ingested files, by commands of their own and beside an instance. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const samples = fileURLToPath(new URL('../../samples/oulad', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'tidemark-runs-'))
const dataDir = join(directory, 'data')
const topologies = ['--topologies', 'exam-scores']

after(async () => {
  await killAllInstances()
  rmSync(directory, { recursive: true, force: true })
})

interface ListedRun {
  readonly run_id: string
  readonly job: string
  readonly state: string
  readonly outcome: string
}

async function tidemark(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([
    ...words,
    '--data-dir',
    dataDir,
    ...topologies,
  ])
  assert.equal(code, 0, stderr)
  return stdout
}

async function runs(...words: readonly string[]): Promise<readonly ListedRun[]> {
  return JSON.parse(await tidemark('runs', 'list', '--format', 'json', ...words)) as ListedRun[]
}

test('before anything was run, that is what is said', async () => {
  assert.match(await tidemark('runs', 'list'), /^nothing was run yet/)
  assert.equal(
    await tidemark('runs', 'list', '--job', 'lake.', '--state', 'failed'),
    'there is no run of lake. that is failed\n',
  )
})

test('an import and a rebuild by commands of their own are listed, the latest first, and shown', async () => {
  await tidemark('import', 'oulad', samples)
  await tidemark('rebuild')
  const listed = await runs()
  assert.deepEqual(
    listed.map(({ job, state }) => [job, state]),
    [
      ['rebuild', 'succeeded'],
      ['import.oulad', 'succeeded'],
    ],
  )
  const [, imported] = listed
  const shown = await tidemark('runs', 'show', imported?.run_id.slice(0, 8) ?? '', '--format=json')
  const { request, result } = JSON.parse(shown) as Record<string, object>
  assert.deepEqual(request, { paths: [samples], discover: false })
  const { topics } = result as { topics: Record<string, { taken: number }> }
  assert.ok((topics['exam_score']?.taken ?? 0) > 0)
  assert.deepEqual(await runs('--job', 'import', '--limit', '1'), [imported])
})

test('beside an instance, a command records its run there; killed, the instance tells what it left', async () => {
  const portOffset = await freePortOffset()
  const flags = { dataDir, portOffset, words: topologies }
  const instance = new InstanceProcess(flags)
  await instance.ready()
  const file = join(directory, 'scores.jsonl')
  writeFileSync(file, `${JSON.stringify({ studentId: 's1', exam: 1, score: 0.5 })}\n`)
  await tidemark('ingest', 'exam_score', file)
  const [ingested] = await runs('--job', 'ingest')
  assert.equal(ingested?.state, 'succeeded')
  assert.match(ingested.outcome, /"taken":1/)
  const begun = await fetch(instance.url('console', '/api/runs'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ job: 'import.ednet', request: { directory: 'kt4' } }),
  })
  assert.equal(begun.status, 201)
  await instance.end('SIGKILL')
  const again = new InstanceProcess(flags)
  await again.ready()
  const left = await runs('--state', 'interrupted')
  assert.deepEqual(
    left.map(({ job, outcome }) => [job, outcome]),
    [['import.ednet', 'the instance ended before the run did']],
  )
  const exit = await again.end('SIGTERM')
  assert.equal(exit.code, 0, again.output)
})
