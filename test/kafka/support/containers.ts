/**
 * Kafka, Confluent's Schema Registry and a ClickHouse server as containers, where Docker runs. Elsewhere Kafka comes
 * from its jars, and processes of ours stand in for the other two.
 */
import type { TestContext } from 'node:test'
import type { StartedTestContainer } from 'testcontainers'
import { KafkaUnavailable } from '../../../tools/kafka/java.ts'
import {
  containerStartMs,
  requireDocker,
  startKafkaContainer,
} from '../../../tools/kafka/kafka-container.ts'

const images = {
  registry: 'confluentinc/cp-schema-registry:8.0.0',
  clickhouse: 'clickhouse/clickhouse-server:26.3',
} as const
const ports = { registry: 8081, clickhouse: 8123 }

export interface Servers {
  readonly bootstrapServers: string
  readonly registryUrl: string
  readonly clickhouseUrl: string
}

/** @returns undefined where no Docker answers: the test is then skipped with the reason. */
export async function containersForTests(t: TestContext): Promise<Servers | undefined> {
  try {
    await requireDocker()
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error
    t.skip(error.message)
    return undefined
  }
  return startContainers(t)
}

async function startContainers(t: TestContext): Promise<Servers> {
  const { GenericContainer, Network, Wait } = await import('testcontainers')
  const network = await new Network().start()
  const closing: (() => Promise<unknown>)[] = []
  t.after(async () => {
    // A network goes when nothing is in it.
    await Promise.all(closing.map((close) => close()))
    await network.stop()
  })
  const started = async (starting: Promise<StartedTestContainer>) => {
    const container = await starting
    closing.push(() => container.stop())
    return container
  }
  const clickhouse = started(
    new GenericContainer(images.clickhouse)
      .withExposedPorts(ports.clickhouse)
      // The user `default` without a password, from anywhere.
      .withEnvironment({ CLICKHOUSE_SKIP_USER_SETUP: '1' })
      .withWaitStrategy(Wait.forHttp('/ping', ports.clickhouse))
      .withStartupTimeout(containerStartMs)
      .start(),
  )
  // Awaited below; until then a failure is not unhandled.
  clickhouse.catch(() => undefined)
  const kafka = await startKafkaContainer(network)
  closing.push(() => kafka.close())
  const registry = await started(
    new GenericContainer(images.registry)
      .withNetwork(network)
      .withExposedPorts(ports.registry)
      .withEnvironment({
        SCHEMA_REGISTRY_HOST_NAME: 'registry',
        SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS: `PLAINTEXT://${kafka.innerServers}`,
      })
      .withWaitStrategy(Wait.forHttp('/subjects', ports.registry))
      .withStartupTimeout(containerStartMs)
      .start(),
  )
  return {
    bootstrapServers: kafka.bootstrapServers,
    registryUrl: urlOf(registry, ports.registry),
    clickhouseUrl: urlOf(await clickhouse, ports.clickhouse),
  }
}

function urlOf(container: StartedTestContainer, port: number): string {
  return `http://${container.getHost()}:${container.getMappedPort(port)}`
}
