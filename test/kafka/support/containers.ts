/**
 * Kafka, Confluent's Schema Registry and a ClickHouse server as containers, where Docker runs. Elsewhere Kafka comes
 * from its jars, and processes of ours stand in for the other two.
 */
import { execFile } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { StartedTestContainer } from 'testcontainers'
import { kafkaVersion } from '../../../tools/kafka/jars.ts'

const run = promisify(execFile)

const images = {
  kafka: `apache/kafka:${kafkaVersion}`,
  registry: 'confluentinc/cp-schema-registry:8.0.0',
  clickhouse: 'clickhouse/clickhouse-server:26.3',
} as const
const ports = {
  kafka: 9092,
  kafkaInternal: 9093,
  controller: 9094,
  registry: 8081,
  clickhouse: 8123,
}
const startMs = 180_000
const dockerAnswerMs = 5_000

export interface Servers {
  readonly bootstrapServers: string
  readonly registryUrl: string
  readonly clickhouseUrl: string
}

/** @returns undefined where no Docker answers: the test is then skipped with the reason. */
export async function containersForTests(t: TestContext): Promise<Servers | undefined> {
  try {
    await run('docker', ['info'], { timeout: dockerAnswerMs })
  } catch {
    t.skip('no Docker answers here (docker info)')
    return undefined
  }
  return startContainers(t)
}

async function startContainers(t: TestContext): Promise<Servers> {
  const { GenericContainer, Network, Wait } = await import('testcontainers')
  const network = await new Network().start()
  const running: StartedTestContainer[] = []
  t.after(async () => {
    // A network goes when nothing is in it.
    await Promise.all(running.map((container) => container.stop()))
    await network.stop()
  })
  const started = async (starting: Promise<StartedTestContainer>) => {
    const container = await starting
    running.push(container)
    return container
  }
  // Known beforehand, since the broker tells it to its clients.
  const kafkaPort = await freePort()
  const kafka = started(
    new GenericContainer(images.kafka)
      .withNetwork(network)
      .withNetworkAliases('kafka')
      .withExposedPorts({ container: ports.kafka, host: kafkaPort })
      .withEnvironment(kafkaEnvironment(kafkaPort))
      .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
      .withStartupTimeout(startMs)
      .start(),
  )
  const clickhouse = started(
    new GenericContainer(images.clickhouse)
      .withExposedPorts(ports.clickhouse)
      // The user `default` without a password, from anywhere.
      .withEnvironment({ CLICKHOUSE_SKIP_USER_SETUP: '1' })
      .withWaitStrategy(Wait.forHttp('/ping', ports.clickhouse))
      .withStartupTimeout(startMs)
      .start(),
  )
  const [{ bootstrapHost }] = await Promise.all([
    kafka.then((container) => ({ bootstrapHost: container.getHost() })),
    clickhouse,
  ])
  const registry = await started(
    new GenericContainer(images.registry)
      .withNetwork(network)
      .withExposedPorts(ports.registry)
      .withEnvironment({
        SCHEMA_REGISTRY_HOST_NAME: 'registry',
        SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS: `PLAINTEXT://kafka:${ports.kafkaInternal}`,
      })
      .withWaitStrategy(Wait.forHttp('/subjects', ports.registry))
      .withStartupTimeout(startMs)
      .start(),
  )
  return {
    bootstrapServers: `${bootstrapHost}:${kafkaPort}`,
    registryUrl: urlOf(registry, ports.registry),
    clickhouseUrl: urlOf(await clickhouse, ports.clickhouse),
  }
}

function kafkaEnvironment(clientPort: number): Record<string, string> {
  const protocols = ['CLIENT', 'INTERNAL', 'CONTROLLER'].map((name) => `${name}:PLAINTEXT`)
  return {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${ports.controller}`,
    KAFKA_LISTENERS: `CLIENT://:${ports.kafka},INTERNAL://:${ports.kafkaInternal},CONTROLLER://:${ports.controller}`,
    KAFKA_ADVERTISED_LISTENERS: `CLIENT://localhost:${clientPort},INTERNAL://kafka:${ports.kafkaInternal}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: protocols.join(','),
    KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  }
}

function urlOf(container: StartedTestContainer, port: number): string {
  return `http://${container.getHost()}:${container.getMappedPort(port)}`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
