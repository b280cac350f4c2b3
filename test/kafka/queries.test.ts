/** Interactive queries of two instances on a real broker, over real HTTP; then one of them is gone. */
import assert from 'node:assert/strict'
import { Hono } from 'hono'
import { systemClock } from '../../src/core/clock.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { LocalQueries } from '../../src/runtime/queries/local-queries.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { listen } from '../../src/server/listen.ts'
import { clicksOf } from '../../src/server/queries/clicks.test-support.ts'
import type { Clicks } from '../../src/server/queries/clicks.test-support.ts'
import { queriesApp } from '../../src/server/queries/queries-app.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

const keys = Array.from({ length: 40 }, (_, at) => ['page', at] as const)

async function startInstance(kafka: TestKafka, { topology }: Clicks, name: string) {
  const app = new Hono()
  const door = await listen(app, { name, host: '127.0.0.1', port: 0 })
  const storage = await openMemoryStorage({ clock: systemClock })
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: name,
    clock: systemClock,
    transactions: { transactionalIdOf: () => kafka.unique(name) },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  })
  const runtime = testRuntime(
    [topology],
    { log, state: storage.state },
    {
      cluster: {
        instanceId: name,
        endpoint: door.url,
        numStandbyReplicas: 1,
        maxWarmupReplicas: 2,
        acceptableRecoveryLag: 10,
        probingRebalanceIntervalMs: 1_000,
      },
    },
  )
  const parts = { topologies: [topology], log, state: storage.state, clock: systemClock, runtime }
  app.route('/', queriesApp({ local: new LocalQueries(parts), runtime, clock: systemClock }))
  await runtime.start()
  return {
    url: door.url,
    log,
    runtime,
    closeDoor: () => door.close(0),
    stop: async () => {
      await runtime.stop()
      await log.close()
      await storage.close()
      await door.close(0)
    },
  }
}

kafkaTest(
  'instances on Kafka answer for each other, and a standby for one that is gone',
  async (kafka) => {
    const clicks = clicksOf(kafka.unique('clicks'))
    const one = await startInstance(kafka, clicks, 'one')
    const two = await startInstance(kafka, clicks, 'two')
    const get = async (from: string, path: string) => {
      const response = await fetch(
        `${from}/topologies/${clicks.topology.name}/stores/counts/${path}`,
      )
      return { status: response.status, body: (await response.json()) as Record<string, any> }
    }
    const pathOf = (key: unknown) => `keys/${encodeURIComponent(JSON.stringify(key))}`
    try {
      await send(
        one.log,
        clicks.clicks,
        keys.flatMap(([page, user]) => [0, 1, 2].map((atMs) => ({ page, user, atMs }))),
      )
      await until('tasks and standbys are with both', () =>
        [one, two].every(({ runtime }) => {
          const tasks = runtime.hostsOf(clicks.topology.name)?.tasks ?? []
          const owners = new Set(tasks.map(({ active }) => active))
          return (
            owners.size === 2 &&
            !owners.has(null) &&
            tasks.every((task) => task.standbys.length === 1)
          )
        }),
      )
      await one.runtime.whenIdle()
      await two.runtime.whenIdle()
      const roles = new Map<string, string>()
      for (const { url } of [one, two]) {
        for (const key of keys) {
          const { status, body } = await get(url, pathOf(key))
          assert.equal(status, 200, JSON.stringify(body))
          assert.equal(body['value'], 3)
          assert.equal(body['source'].role, 'active')
          roles.set(JSON.stringify(key), body['source'].host as string)
        }
        const range = await get(url, 'range?limit=1000')
        assert.equal(range.body['entries'].length, keys.length)
      }
      assert.equal(new Set(roles.values()).size, 2)

      // Its door is shut and its membership stands: what it owned is answered by the standby here.
      await two.closeDoor()
      const key = keys.find((candidate) => roles.get(JSON.stringify(candidate)) === two.url)
      await until('the standby has caught up', async () => {
        const { status, body } = await get(one.url, pathOf(key))
        return (
          status === 200 && body['source'].role === 'standby' && body['source'].lagRecords === 0
        )
      })
      const { body } = await get(one.url, pathOf(key))
      assert.deepEqual([body['value'], body['source'].host], [3, one.url])
      assert.equal((await get(one.url, `${pathOf(key)}?consistency=active`)).status, 503)

      await two.stop()
      await until('the other has taken over', async () => {
        const taken = await get(one.url, `${pathOf(key)}?consistency=active`)
        return taken.status === 200 && taken.body['value'] === 3
      })
    } finally {
      await two.stop()
      await one.stop()
    }
  },
)
