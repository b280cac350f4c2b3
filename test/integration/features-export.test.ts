/** Training sets as of a time, as a user asks for them: of a time before a reset, and of topics that nobody has met. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TrainingSet } from '../../src/jobs/features-export.ts'
import { freePortOffset } from './support/free-port-offset.ts'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-features-export-'))
const dataDir = join(directory, 'data')
const words = ['--topologies', 'adaptive-learning']
let beforeReset = ''
let exports = 0

const tidemark = (...asked: readonly string[]) =>
  runCommand([...asked, '--data-dir', dataDir, ...words])

async function exported(...flags: readonly string[]) {
  exports += 1
  const out = join(directory, `set-${exports}`)
  const ended = await tidemark('features', 'export', '--out', out, ...flags)
  const described = join(out, 'training-set.json')
  const set = existsSync(described)
    ? (JSON.parse(readFileSync(described, 'utf8')) as TrainingSet)
    : null
  return { ...ended, rows: set?.rows }
}

before(async () => {
  const attempt = { item_id: 'i1', topic: 'algebra', correct: true, time_taken_ms: 1_000 }
  const lines = ['ann', 'bob', 'eve'].map((user_id) =>
    JSON.stringify({ ...attempt, attempt_id: 'a1', user_id, timestamp: 1_700_000_000_000 }),
  )
  const file = join(directory, 'attempts.jsonl')
  writeFileSync(file, lines.join('\n'))
  const { code, stderr } = await tidemark('ingest', 'user.attempts', file, '--wait')
  assert.equal(code, 0, stderr)
  beforeReset = new Date().toISOString()
})
after(async () => {
  await killAllInstances()
  rmSync(directory, { recursive: true, force: true })
})

test('a topic that nobody has met is warned of, and an error where there is no other', async () => {
  const some = await exported('--topics', 'algebra,algebar')
  assert.deepEqual([some.code, some.rows], [0, 3])
  assert.match(some.stderr, /^warning: as of \S+ nobody has met topic algebar; there are algebra;/m)
  const none = await exported('--topics', 'algebar')
  assert.deepEqual([none.code, none.rows], [1, undefined])
  assert.match(none.stderr, /^REQUEST_INVALID: as of \S+ nobody has met topic algebar/m)
})

test('of a time before a reset nothing is exported; of one after the replay, everything', async () => {
  assert.equal((await exported('--as-of', beforeReset)).rows, 3)
  const reset = await tidemark('reset')
  assert.equal(reset.code, 0, reset.stderr)
  // Here the events are read again: by the instance that the command opens.
  const refused = await exported('--as-of', beforeReset)
  assert.deepEqual([refused.code, refused.rows], [1, undefined], refused.stderr)
  const told = /^REQUEST_INVALID: adaptive-learning was reset at (\S+) and .* from (\S+) on$/m
  const [, resetAt = '', from = ''] = told.exec(refused.stderr) ?? []
  assert.ok(beforeReset < resetAt && resetAt < from, refused.stderr)
  assert.equal((await exported('--as-of', from)).rows, 3)
  assert.equal((await exported()).rows, 3)

  const instance = new InstanceProcess({ dataDir, portOffset: await freePortOffset(), words })
  await instance.ready()
  const beside = await exported('--as-of', resetAt)
  assert.deepEqual([beside.code, beside.rows], [1, undefined])
  assert.match(beside.stderr, told)
  assert.equal((await exported('--as-of', from)).rows, 3)
})
