/** Who asked what of an instance, in its data directory. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-audit-'))
const dataDir = join(directory, 'data')
const place = ['--data-dir', dataDir, '--topologies', 'exam-scores']

after(async () => {
  await killAllInstances()
  rmSync(directory, { recursive: true, force: true })
})

type Line = Readonly<Record<string, unknown>>

function lines(): Line[] {
  const text = readFileSync(join(dataDir, 'audit.jsonl'), 'utf8').trimEnd()
  return text.split('\n').map((line) => JSON.parse(line) as Line)
}

test('statements, requests that change something, and commands are recorded; looking at pages is not', async () => {
  const words = ['--topologies', 'exam-scores']
  const instance = new InstanceProcess({ dataDir, portOffset: await freePortOffset(), words })
  await instance.ready()
  const json = { 'content-type': 'application/json' }
  const post = (url: string, body: string) => fetch(url, { method: 'POST', headers: json, body })
  await fetch(instance.url('clickhouse', `/?query=${encodeURIComponent('SELECT 1')}`))
  await post(instance.url('clickhouse'), 'DROP TABLE exam_scores.events_versions')
  await fetch(instance.url('clickhouse', '/?user=eve&password=secret'), {
    method: 'POST',
    body: 'SELECT 2',
  })
  await post(instance.url('console', '/api/quarantine/redrive'), '{"ids":["nobody"]}')
  await post(instance.url('registry', '/subjects/mine/versions'), '{"schema":"\\"string\\""}')
  await post(instance.url('registry', '/compatibility/subjects/mine/versions'), '{"schema":"{}"}')
  await fetch(instance.url('console', '/api/status'))
  assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)
  assert.equal((await runCommand(['reset', '--dry-run', ...place])).code, 0)
  assert.equal((await runCommand(['reset', '--facts', ...place])).code, 0)

  const found = lines().map(({ at: _, address: __, ...line }) => line)
  const [first, second, third, fourth, fifth, sixth, ...more] = found
  assert.deepEqual(more, [])
  assert.deepEqual(first, { door: 'sql', user: 'default', asked: 'SELECT 1', outcome: 'ok' })
  assert.equal(second?.['asked'], 'DROP TABLE exam_scores.events_versions')
  assert.notEqual(second['outcome'], 'ok')
  const stranger = { door: 'sql', user: null, tried: 'eve', asked: 'POST /' }
  assert.deepEqual(third, { ...stranger, outcome: 'AUTHENTICATION_FAILED' })
  const redrive = { door: 'console', user: null, asked: 'POST /api/quarantine/redrive' }
  assert.deepEqual(fourth, { ...redrive, request: { ids: ['nobody'] }, outcome: 'ok' })
  const registered = { door: 'registry', user: null, asked: 'POST /subjects/mine/versions' }
  assert.deepEqual(fifth, { ...registered, outcome: 'ok' })
  assert.equal(sixth?.['door'], 'command')
  assert.equal(sixth['user'], userInfo().username)
  assert.equal(sixth['asked'], 'tidemark reset')
  assert.equal((sixth['request'] as Line)['facts'], true)
  const addresses = lines().map(({ address }) => address)
  assert.deepEqual(addresses, [...Array<string>(5).fill('127.0.0.1'), null])
  assert.doesNotMatch(readFileSync(join(dataDir, 'audit.jsonl'), 'utf8'), /secret/)
})
