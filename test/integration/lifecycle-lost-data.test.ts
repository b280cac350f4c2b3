/** One half of the data directory is lost, the other kept: ClickHouse without the log, the log without ClickHouse. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { crashEvents } from './support/crash-events.ts'
import { crashWorlds } from './support/crash-worlds.ts'
import { ask, assertSameFacts, factsOf, factTables, type Facts } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import {
  InstanceProcess,
  killAllInstances,
  type InstanceFlags,
} from './support/instance-process.ts'
import { Random } from './support/random.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const events = [...crashEvents(2), ...crashWorlds(2)]
let directory = ''
/** Has all events, and is down. */
let flags: InstanceFlags
let undisturbed: Facts

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-lost-'))
  flags = { dataDir: join(directory, 'data'), portOffset: await freePortOffset() }
  undisturbed = await withInstance(async (instance) => {
    await new Feed(batchesOf(events, 500)).sendRest(instance)
    await instance.idle()
    return factsOf(instance)
  })
})
after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

void test('ClickHouse’s directory deleted: the next start fills it again from the log', async () => {
  await rm(join(flags.dataDir, 'clickhouse'), { recursive: true })
  await withInstance(async (instance) => {
    await instance.idle()
    assertSameFacts(await factsOf(instance), undisturbed, 'from the log alone')
  })
})

void test('ClickHouse’s directory deleted and the rebuilding killed: the start after that completes it', async () => {
  await rm(join(flags.dataDir, 'clickhouse'), { recursive: true })
  const killed = new InstanceProcess(flags)
  await killed.ready()
  await killed.end('SIGKILL')
  await withInstance(async (instance) => {
    await instance.idle()
    assertSameFacts(await factsOf(instance), undisturbed, 'killed while it was rebuilt')
  })
})

void test('the log deleted and ClickHouse kept: importing again, in another order, gives the same facts', async () => {
  for (const name of ['storage', 'FORMAT']) {
    await rm(join(flags.dataDir, name), { recursive: true })
  }
  await withInstance(async (instance) => {
    const shuffled = new Random(3).shuffled(events)
    await new Feed(batchesOf(shuffled, 500)).sendRest(instance)
    await instance.idle()
    assertSameFacts(await factsOf(instance), undisturbed, 'a new log beside an old ClickHouse')
    for (const { database, table } of factTables) {
      const epochs = await ask(
        instance,
        `SELECT DISTINCT bitShiftRight(version, 48) FROM ${database}.${table}`,
      )
      assert.deepEqual(epochs, ['2'], `${database}.${table}: every row is the new log's`)
    }
  })
})

async function withInstance<T>(use: (instance: InstanceProcess) => Promise<T>): Promise<T> {
  const instance = new InstanceProcess(flags)
  await instance.ready()
  try {
    return await use(instance)
  } finally {
    const exit = await instance.end('SIGTERM')
    assert.equal(exit.code, 0, instance.output)
  }
}
