/** Everything that the driver needs, each in a process of its own but the proxies. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/core/clock.ts'
import { openKafkaLog, type KafkaLog } from '../../../src/log/kafka/open-kafka-log.ts'
import { HttpSchemaRegistry } from '../../../src/schema/http-schema-registry.ts'
import type { SchemaRegistry } from '../../../src/schema/schema-registry.ts'
import { factTableDdl } from '../../../src/sinks/clickhouse/fact-table-ddl.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'
import type { Kafka } from '../../../tools/kafka/start-kafka.ts'
import { ClickHouseProcess } from '../../clickhouse/support/clickhouse-process.ts'
import { RegistryProcess } from '../support/registry-process.ts'
import { Random } from '../../integration/support/random.ts'
import type { Network, Stage } from './faults.ts'
import { Instance, type InstanceSettings } from './fleet.ts'
import type { Sabotage } from './sabotage.ts'

export interface StageOptions {
  /** Its clients reach it through proxies. */
  readonly kafka: Kafka
  readonly instances: number
  readonly seed: number
  readonly sabotage?: Sabotage
  readonly protocolMax?: 1 | 2
  readonly isStatic?: boolean
}

export interface OpenStage {
  readonly stage: Stage
  /** Of the test itself: feeds, and reads back. */
  readonly log: KafkaLog
  readonly registry: SchemaRegistry
  readonly clickhouseUrl: string
  close(): Promise<void>
}

const sessionTimeoutMs = 4_000

export async function openStage(options: StageOptions): Promise<OpenStage> {
  const { kafka, seed } = options
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-eos-'))
  const random = new Random(seed)
  const registry = await RegistryProcess.start()
  const clickhouse = await ClickHouseProcess.start()
  await makeTables(clickhouse.url)
  const settings = (instanceId: string): InstanceSettings => {
    const dataDir = join(directory, instanceId)
    mkdirSync(dataDir)
    return {
      instanceId,
      dataDir,
      bootstrapServers: kafka.bootstrapServers,
      registryUrl: registry.url,
      clickhouseUrl: clickhouse.url,
      sabotage: options.sabotage ?? 'none',
      numStandbyReplicas: 1,
      transactionTimeoutMs: 8_000,
      protocolMax: options.protocolMax ?? null,
      isStatic: options.isStatic ?? false,
      group: { sessionTimeoutMs, heartbeatIntervalMs: 500, rebalanceTimeoutMs: 10_000 },
    }
  }
  const instances = Array.from(
    { length: options.instances },
    (_, index) => new Instance(settings(`instance-${index}`)),
  )
  const guest = new Instance(settings('guest'))
  for (const instance of instances) instance.start()
  await Promise.all(instances.map((instance) => instance.ready()))
  const log = await openKafkaLog({
    bootstrapServers: kafka.bootstrapServers.split(','),
    clientId: 'eos-driver',
    clock: systemClock,
  })
  return {
    stage: {
      kafka,
      network: networkOf(kafka),
      instances,
      guest,
      clickhouse: {
        kill: () => clickhouse.stop('SIGKILL'),
        start: () => clickhouse.start(),
      },
      registry: { kill: () => registry.stop('SIGKILL'), start: () => registry.start() },
      sessionTimeoutMs,
      pick: (choices) => random.pick(choices),
    },
    log,
    registry: new HttpSchemaRegistry({ url: registry.url }),
    clickhouseUrl: clickhouse.url,
    close: async () => {
      await Promise.all([...instances, guest].map((instance) => instance.kill()))
      await log.close()
      await registry.remove()
      await clickhouse.remove()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function networkOf({ brokers }: Kafka): Network {
  return {
    proxies: brokers.flatMap(({ proxy }) => (proxy === undefined ? [] : [proxy])),
    cut: () => {
      for (const { proxy } of brokers) proxy?.cut()
    },
    slow: (delayMs) => {
      for (const { proxy } of brokers) proxy?.delay(delayMs)
    },
  }
}

export async function makeTables(url: string): Promise<void> {
  const clickhouse = await openClickHouse({ url })
  const statements = factTableDdl({
    table: { database: 'eos', table: 'accounts' },
    columns: [
      { name: 'account', type: 'String' },
      { name: 'count', type: 'Int64' },
      { name: 'total', type: 'Int64' },
    ],
    keyColumns: ['account'],
  })
  for (const query of statements) await clickhouse.writer.command({ query })
  await clickhouse.close()
}
