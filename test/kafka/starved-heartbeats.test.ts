/** A task that computes for longer than the session: it is a worker's time, and the group hears from the member. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import type { words } from '../../src/runtime/test-support/counting.ts'
import { readLatest, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { LocalSchemaRegistry } from '../../src/schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../src/schema/registry-storage.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { busyMs, busyWord } from './support/busy-topology.test-child.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import { ourLogOnly } from './support/our-log.ts'
import { shortSessionMs } from './support/short-session.ts'

interface BusyModule {
  readonly default: TopologyGraph
  readonly busyWords: typeof words
  readonly busyCounts: typeof words
}

kafkaTest(
  'a task that computes through two sessions does not cost its member the membership',
  async (kafka, t) => {
    assert.ok(busyMs > 2 * shortSessionMs)
    const name = kafka.unique('busy')
    const url = new URL('support/busy-topology.test-child.ts', import.meta.url)
    url.searchParams.set('name', name)
    const { default: topology, busyWords, busyCounts } = (await import(url.href)) as BusyModule
    const log = await ourLogOnly(t, kafka, {
      transactions: { transactionalIdOf: () => name },
      group: { sessionTimeoutMs: shortSessionMs, heartbeatIntervalMs: 200 },
    })
    const { state } = await openMemoryStorage({ clock: systemClock, sharesState: false })
    const runtime = testRuntime(
      [topology],
      { log, state },
      {
        cluster: {
          instanceId: name,
          endpoint: null,
          numStandbyReplicas: 0,
          maxWarmupReplicas: 2,
          acceptableRecoveryLag: 10,
        },
        workers: {
          count: 1,
          topologyModules: [url.href],
          registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
          codecsModule: new URL(
            '../../src/runtime/test-support/json-codecs-module.test-child.ts',
            import.meta.url,
          ).href,
        },
      },
    )
    t.after(() => runtime.stop())
    await runtime.start()
    const memberIds = async () => {
      const group = await log.describeGroup(name)
      return group?.members.map(({ memberId }) => memberId) ?? []
    }
    await until('it runs', () => runtime.status().tasks.some((each) => each.state === 'RUNNING'))
    const before = await memberIds()
    assert.equal(before.length, 1)

    const startedMs = systemClock.nowMs()
    await send(log, busyWords, [{ id: '1', word: busyWord, atMs: 1 }])
    await until('it is counted', async () => (await readLatest(log, busyCounts.name)).size > 0)
    assert.ok(systemClock.nowMs() - startedMs >= busyMs, 'it has computed')
    assert.deepEqual(await memberIds(), before, 'who loses the membership comes back as another')
    assert.deepEqual(await readLatest(log, busyCounts.name), new Map([[busyWord, 1]]))
  },
)
