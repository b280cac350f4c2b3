/** Law 8, asked of an instance that runs: its facts are those of a replay, for all five topologies. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { BackfillReport } from '../../src/jobs/backfill/backfill.ts'
import { crashEvents } from './support/crash-events.ts'
import { crashWorlds } from './support/crash-worlds.ts'
import { batchesOf, Feed } from './support/feed.ts'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const directory = await mkdtemp(join(tmpdir(), 'tidemark-backfill-all-'))
const topologies = [
  ...['mcq', 'exam-scores'],
  ...['open-university', 'student-performance', 'adaptive-learning'],
]

after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

void test('no row of any topology differs from a replay, whatever conflicts its events have', async () => {
  const flags = { dataDir: join(directory, 'data'), portOffset: await freePortOffset() }
  const instance = new InstanceProcess(flags)
  await instance.ready()
  // Twice, as a producer that has not heard of its success would send them.
  const batches = batchesOf([...crashEvents(5), ...crashWorlds(5)], 500)
  await new Feed([...batches, ...batches]).sendRest(instance)
  await instance.idle()
  for (const topology of topologies) {
    const { tables, events } = await compared(instance, topology)
    assert.ok(events > 0, `${topology} has events`)
    assert.ok(tables.reduce((sum, { same }) => sum + same, 0) > 0, `${topology} has rows`)
    const wrong = tables.filter(
      ({ different, missing, extra, changed }) => different + missing + extra + changed > 0,
    )
    assert.deepEqual(wrong, [], topology)
  }
  const exit = await instance.end('SIGTERM')
  assert.equal(exit.code, 0, instance.output)
})

async function compared(instance: InstanceProcess, topology: string): Promise<BackfillReport> {
  const response = await fetch(instance.url('console', '/api/jobs/backfill'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topology, dry_run: true }),
  })
  const lines = (await response.text()).trimEnd().split('\n')
  const last = JSON.parse(lines.at(-1) ?? '{}') as { result?: BackfillReport; error?: string }
  assert.ok(last.result !== undefined, last.error)
  return last.result
}
