/** Instances as an operator runs them, on a broker, a registry and a ClickHouse of the test's own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openRegistryDoor } from '../../../src/schema/registry-door.test-support.ts'
import type { InstanceStatus } from '../../../src/server/console/instance-status.ts'
import { ClickHouseProcess } from '../../clickhouse/support/clickhouse-process.ts'
import type { CrashEvent } from '../../integration/support/crash-events.ts'
import type { Facts } from '../../integration/support/facts.ts'
import { batchesOf, Feed } from '../../integration/support/feed.ts'
import { InstanceProcess } from '../../integration/support/instance-process.ts'
import { until } from '../../integration/support/until.ts'
import { clusterForTests, type TestCluster } from './kafka-for-tests.ts'
import { freePortOffset } from '../../integration/support/free-port-offset.ts'

export interface StageOptions {
  readonly topologies: readonly string[]
  /** More of `tidemark up`, for the instances on the cluster. */
  readonly words?: readonly string[]
}

export interface ProductStage {
  readonly kafka: TestCluster
  readonly clickhouse: ClickHouseProcess
  /** Ready; on the same data as before where there was one of that name. */
  start(name: string): Promise<InstanceProcess>
  /** What the embedded profile makes of the events. */
  embedded(
    events: readonly CrashEvent[],
    read: (instance: InstanceProcess) => Promise<Facts>,
  ): Promise<Facts>
}

/** The cluster is of the test's own: the topologies' topics have their own names.
 * @returns undefined where there is no Kafka: the test is then skipped */
export async function openProductStage(
  t: TestContext,
  { topologies, words = [] }: StageOptions,
): Promise<ProductStage | undefined> {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-product-stage-'))
  const registry = await openRegistryDoor()
  const clickhouse = await ClickHouseProcess.start()
  const started: InstanceProcess[] = []
  t.after(async () => {
    await Promise.all(started.map((instance) => instance.end('SIGKILL')))
    await clickhouse.remove()
    await registry.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const start = async (
    name: string,
    more: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => {
    const instance = new InstanceProcess({
      dataDir: join(directory, name),
      portOffset: await freePortOffset(),
      words: ['--topologies', topologies.join(','), ...more],
      environment,
    })
    started.push(instance)
    await instance.ready()
    return instance
  }
  return {
    kafka,
    clickhouse,
    start: (name) =>
      start(name, ['--doors', 'console,registry,ingest,clickhouse', ...words], {
        KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
        SCHEMA_REGISTRY_URL: registry.url,
        CLICKHOUSE_URL: clickhouse.url,
      }),
    embedded: async (events, read) => {
      const alone = await start('alone', [], {})
      await new Feed(batchesOf(events, 500)).sendRest(alone)
      await alone.idle()
      return read(alone)
    },
  }
}

/** Both run tasks, and each has at least so many copies of the other's. */
export async function untilShared(
  instances: readonly InstanceProcess[],
  standbysMin: number,
): Promise<void> {
  await until('all run tasks and hold standbys', async () => {
    for (const status of await Promise.all(instances.map(statusOf))) {
      if (!status.isReady || status.tasks.length === 0) return null
      if (status.standbys.length < standbysMin) return null
    }
    return true
  })
}

/** Resolves when it runs every one of the tasks. */
export async function untilRuns(
  instance: InstanceProcess,
  tasks: readonly string[],
): Promise<void> {
  await until('the other runs all tasks', async () => {
    const own = await taskIds([instance])
    return own.length === tasks.length ? true : null
  })
}

export async function taskIds(instances: readonly InstanceProcess[]): Promise<readonly string[]> {
  const statuses = await Promise.all(instances.map(statusOf))
  return statuses.flatMap(({ tasks }) => tasks.map(({ id }) => id)).sort()
}

export async function statusOf(running: InstanceProcess): Promise<InstanceStatus> {
  return (await (await fetch(running.url('console', '/api/status'))).json()) as InstanceStatus
}
