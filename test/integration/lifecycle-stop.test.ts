/** Told to stop while events come in, an instance ends soon and well, and nothing acknowledged is missing after. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TidemarkError } from '../../src/core/errors.ts'
import { crashEvents } from './support/crash-events.ts'
import { assertSameFacts, factsOf, type Facts } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import {
  describe,
  InstanceProcess,
  killAllInstances,
  type Exit,
  type InstanceFlags,
} from './support/instance-process.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const stopMaxMs = 10_000
const events = crashEvents(1).slice(0, 5000)
let directory = ''
let undisturbed: Facts

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-stop-'))
  undisturbed = await restOfImport(await flagsOf('undisturbed'), new Feed(batchesOf(events, 500)))
})
after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  void test(`${signal} during an import: exit code 0 within 10 s, every acknowledged event in the facts after the next start`, async (context) => {
    const flags = await flagsOf(signal)
    const feed = new Feed(batchesOf(events, 10))
    const { exit, tookMs, output } = await stopWhileFeeding(flags, feed, (instance) => {
      instance.signal(signal)
    })
    assert.deepEqual(exit, { code: 0, signal: null }, `${describe(exit)}\n${output}`)
    context.diagnostic(`${Math.round(tookMs)} ms`)
    assert.ok(tookMs < stopMaxMs, `took ${tookMs} ms`)
    assert.ok(!existsSync(join(flags.dataDir, 'instance.json')), 'nobody is told of it any more')
    assert.ok(!feed.isDone, 'the signal came too late to disturb anything')
    // Only what was not acknowledged is sent: what was must be there.
    assertSameFacts(await restOfImport(flags, feed), undisturbed, signal)
  })
}

void test('a second SIGTERM may hasten the end, and costs nothing', async (context) => {
  const flags = await flagsOf('twice')
  const feed = new Feed(batchesOf(events, 10))
  for (let time = 0; time < 3; time++) {
    const { exit, tookMs, output } = await stopWhileFeeding(flags, feed, async (instance) => {
      instance.signal('SIGTERM')
      await instance.prints('stopping')
      instance.signal('SIGTERM')
    })
    context.diagnostic(`${describe(exit)} after ${Math.round(tookMs)} ms`)
    assert.ok(tookMs < stopMaxMs, `took ${tookMs} ms: ${describe(exit)}\n${output}`)
  }
  assertSameFacts(await restOfImport(flags, feed), undisturbed, 'second SIGTERM')
})

void test('SIGTERM while it starts: exit code 0, and the next start goes on', async () => {
  const flags = await flagsOf('starting')
  const instance = new InstanceProcess(flags)
  // As soon as it has the log open: its signal handlers are older than that.
  await instance.fileAppears('PID')
  const exit = await instance.end('SIGTERM')
  assert.deepEqual(exit, { code: 0, signal: null }, `${describe(exit)}\n${instance.output}`)
  const feed = new Feed(batchesOf(events, 500))
  assertSameFacts(await restOfImport(flags, feed), undisturbed, 'stopped while it started')
})

async function flagsOf(name: string): Promise<InstanceFlags> {
  return { dataDir: join(directory, name), portOffset: await freePortOffset() }
}

/** Stops it once a fifth of the events is acknowledged, while more come in. */
async function stopWhileFeeding(
  flags: InstanceFlags,
  feed: Feed,
  stop: (instance: InstanceProcess) => void | Promise<void>,
): Promise<{ exit: Exit; tookMs: number; output: string }> {
  const instance = new InstanceProcess(flags)
  await instance.ready()
  const stopAt = feed.acknowledged + Math.floor(feed.batches.length / 5)
  while (feed.acknowledged < stopAt) await feed.send(instance, feed.acknowledged)
  const feeding = feedUntilRefused(instance, feed)
  const beginMs = performance.now()
  await stop(instance)
  const exit = await instance.exited
  const tookMs = performance.now() - beginMs
  await feeding
  return { exit, tookMs, output: instance.output }
}

async function feedUntilRefused(instance: InstanceProcess, feed: Feed): Promise<void> {
  try {
    while (!feed.isDone) await feed.send(instance, feed.acknowledged)
  } catch (thrown) {
    assert.ok(
      thrown instanceof TidemarkError && thrown.code === 'INSTANCE_NOT_RUNNING',
      `${thrown}`,
    )
  }
}

/** Starts, sends what is not acknowledged, and answers the facts. */
async function restOfImport(flags: InstanceFlags, feed: Feed): Promise<Facts> {
  const instance = new InstanceProcess(flags)
  await instance.ready()
  await feed.sendRest(instance)
  await instance.idle()
  const facts = await factsOf(instance)
  await instance.end('SIGTERM')
  return facts
}
