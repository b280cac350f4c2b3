/** `parameter_version` names what computed the row: a start with other parameters than its state's is refused, and mended. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before as beforeAll, test } from 'node:test'
import { bktAfter, bktDefaults } from '../../src/processors/adaptive-learning/bkt.ts'
import { attempt } from '../../src/processors/adaptive-learning/feed.test-support.ts'
import { ask } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import { freePortOffset } from './support/free-port-offset.ts'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { mineTopology } from './support/mine-topology.ts'
import { runCommand } from './support/run-command.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-parameters-'))
})
after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

/** An attempt of one learner at one topic, each minute. */
function event(minute: number) {
  const timestampMs = minute * 60_000
  const value = { ...attempt({ attempt_id: `a${minute}`, timestamp: timestampMs, correct: true }) }
  return { topic: 'user.attempts', value, timestampMs }
}

/** Version and knowledge before each attempt, in order. */
async function rowsOf(instance: InstanceProcess): Promise<(readonly [string, number])[]> {
  const columns = 'parameter_version, bkt_prob_knowledge_before'
  const rows = await ask(
    instance,
    `SELECT ${columns} FROM adaptive_learning.user_attempts ORDER BY event_time FORMAT JSONCompactEachRow`,
  )
  return rows.map((row) => JSON.parse(row) as [string, number])
}

function up(dataDir: string, portOffset: number, ...words: readonly string[]) {
  const place = ['--data-dir', dataDir, '--port-offset', String(portOffset)]
  return runCommand(['up', '--no-samples', '--exit-when-idle', ...place, '--topologies', ...words])
}

void test('other parameters are refused until all is computed with them, or what the others have left is agreed to', async () => {
  const dataDir = join(directory, 'parameters')
  const [before, now] = [
    await mineTopology(directory, 'v1', 0.1),
    await mineTopology(directory, 'v2', 0.4),
  ]
  const run = async (topology: string, ids: readonly number[]) => {
    const portOffset = await freePortOffset()
    const instance = new InstanceProcess({ dataDir, portOffset, words: ['--topologies', topology] })
    await instance.ready()
    await new Feed(batchesOf(ids.map(event), 10)).sendRest(instance)
    await instance.idle()
    const rows = await rowsOf(instance)
    assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)
    return rows
  }
  const known = (learn: number, index: number) => {
    let value = bktDefaults.known
    for (let at = 0; at < index; at++) value = bktAfter(value, true, { ...bktDefaults, learn })
    return value
  }
  assert.deepEqual(
    await run(before, [1, 2]),
    [0, 1].map((at) => ['v1', known(0.1, at)]),
  )

  const refused = await up(dataDir, await freePortOffset(), now)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /PARAMETERS_CHANGED: .*\n.*attempts, .*parameters v1, .* has v2: /)
  const words = [now, '--data-dir', dataDir, '--format', 'json']
  const diff = await runCommand(['topology', 'diff', ...words])
  assert.equal(diff.code, 1)
  const changes = JSON.parse(diff.stdout) as { change: string; name: string; accept: string }[]
  const [change] = changes
  assert.deepEqual([change?.change, change?.accept], ['parameters-changed', 'mine/attempts'])

  const reset = await runCommand(['reset', '--data-dir', dataDir, '--topologies', now])
  assert.equal(reset.code, 0, reset.stderr)
  assert.deepEqual(
    await run(now, [3]),
    [0, 1, 2].map((at) => ['v2', known(0.4, at)]),
  )

  const accept = changes.map((each) => each.accept).join(',')
  const accepted = await up(dataDir, await freePortOffset(), before, '--accept', accept)
  assert.equal(accepted.code, 0, accepted.stderr)
  assert.match(accepted.stdout + accepted.stderr, /rest on state that v2 has left; .*; accepted/)
  assert.equal((await up(dataDir, await freePortOffset(), before)).code, 0, 'it is remembered')
})
