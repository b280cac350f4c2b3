/**
 * One broker in a container, where Docker runs: in the place of Kafka's jars where Java or Maven is missing, and for other
 * containers that need a broker beside them.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StartedNetwork } from 'testcontainers'
import { freePort } from './broker-properties.ts'
import { kafkaVersion } from './jars.ts'
import { KafkaUnavailable } from './java.ts'

const run = promisify(execFile)

const image = `apache/kafka:${kafkaVersion}`
const ports = { clients: 9092, containers: 9093, controller: 9094 }
const alias = 'kafka'
const dockerAnswerMs = 5_000
/** Of any container, its image's way here included. */
export const containerStartMs = 180_000

export interface KafkaContainer {
  /** `host:port`, for this machine. */
  readonly bootstrapServers: string
  /** For containers in its network. */
  readonly innerServers: string
  close(): Promise<void>
}

/** @throws KafkaUnavailable */
export async function requireDocker(): Promise<void> {
  try {
    await run('docker', ['info'], { timeout: dockerAnswerMs })
  } catch (cause) {
    throw new KafkaUnavailable('no Docker answers here (docker info)', { cause })
  }
}

/** @throws KafkaUnavailable where no Docker answers; Error where the container does not start */
export async function startKafkaContainer(network?: StartedNetwork): Promise<KafkaContainer> {
  await requireDocker()
  const { GenericContainer, Wait } = await import('testcontainers')
  // Known beforehand, since the broker tells it to its clients.
  const port = await freePort(new Set())
  const container = new GenericContainer(image)
    .withExposedPorts({ container: ports.clients, host: port })
    .withEnvironment(environmentOf(port))
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .withStartupTimeout(containerStartMs)
  if (network !== undefined) container.withNetwork(network).withNetworkAliases(alias)
  const started = await container.start()
  return {
    bootstrapServers: `${started.getHost()}:${port}`,
    innerServers: `${alias}:${ports.containers}`,
    close: async () => {
      await started.stop()
    },
  }
}

function environmentOf(clientPort: number): Record<string, string> {
  const protocols = ['CLIENT', 'INTERNAL', 'CONTROLLER'].map((name) => `${name}:PLAINTEXT`)
  return {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${ports.controller}`,
    KAFKA_LISTENERS: `CLIENT://:${ports.clients},INTERNAL://:${ports.containers},CONTROLLER://:${ports.controller}`,
    KAFKA_ADVERTISED_LISTENERS: `CLIENT://localhost:${clientPort},INTERNAL://${alias}:${ports.containers}`,
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
