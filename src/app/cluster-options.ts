/** The configuration in the words of each adapter. Secrets are revealed here and nowhere else. */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import type { KafkaLogOptions } from '../log/kafka/open-kafka-log.ts'
import { entryBytesMax } from '../quality/quarantine.ts'
import type { HttpSchemaRegistryOptions } from '../schema/http-schema-registry.ts'
import type { ClickHouseOptions } from '../sinks/clickhouse/open-clickhouse.ts'
import type {
  ClickHouseConfiguration,
  ClusterConfiguration,
  KafkaConfiguration,
  RegistryConfiguration,
} from './cluster-configuration.ts'
import { clientIdOf, transactionalIds } from './instance-identity.ts'

/** The main thread ends one transaction at a time, in which the tasks of all its workers take part. */
export const transactionLanes = 1

/** Of a connection that only finds out whether somebody answers. */
export const probeLimits = {
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 5_000,
  giveUpAfterMs: 1_000,
}

/** A member learns of a rebalance by its heartbeat: a hand-over takes so much longer. */
const heartbeatMaxMs = 300
/** Who wants to know soon of a crash wants a soon hand-over, too. */
const heartbeatsPerSession = 10
/** What fits into the message of 1 MiB that brokers take unless told otherwise. */
const recordBytesMaxDefault = 1_000_000

export function kafkaOptions(
  cluster: ClusterConfiguration,
  instanceId: string,
  clock: Clock,
  recordBytesMax: number,
): KafkaLogOptions {
  const { kafka, applicationId } = cluster
  const { sessionTimeoutMs } = kafka
  return {
    bootstrapServers: kafka.bootstrapServers,
    clientId: clientIdOf(applicationId, instanceId),
    clock,
    security: securityOf(kafka),
    compression: kafka.compression,
    limits: { recordBytesMax: Math.max(recordBytesMaxDefault, entryBytesMax(recordBytesMax)) },
    replicationFactor: kafka.replicationFactor,
    transactions: {
      guarantee: kafka.guarantee,
      timeoutMs: kafka.transactionTimeoutMs,
      protocolMax: kafka.transactionProtocolMax,
      transactionalIdOf: transactionalIds(applicationId, instanceId, transactionLanes),
    },
    group: {
      sessionTimeoutMs,
      heartbeatIntervalMs: Math.min(
        heartbeatMaxMs,
        Math.floor(sessionTimeoutMs / heartbeatsPerSession),
      ),
    },
    ...(kafka.clientRack === null ? {} : { rack: kafka.clientRack }),
  }
}

function securityOf({ tls, sasl }: KafkaConfiguration): NonNullable<KafkaLogOptions['security']> {
  const { ca, cert, key } = tls ?? {}
  return {
    ...(tls === null
      ? {}
      : {
          tls: {
            ...(ca === undefined ? {} : { authority: ca }),
            ...(cert === undefined ? {} : { certificate: cert }),
            ...(key === undefined ? {} : { key }),
          },
        }),
    ...(sasl === null ? {} : { sasl: saslOf(sasl) }),
  }
}

type KafkaSasl = NonNullable<NonNullable<KafkaLogOptions['security']>['sasl']>

function saslOf(sasl: NonNullable<KafkaConfiguration['sasl']>): KafkaSasl {
  if (sasl.mechanism !== 'OAUTHBEARER') {
    const { mechanism, username, password } = sasl
    return { mechanism, username, password: password.reveal() }
  }
  const { mechanism, token, tokenFile } = sasl
  // A token in a file is renewed there by whoever issues it.
  const read = async () =>
    tokenFile === null ? token.reveal() : (await readFile(tokenFile, 'utf8')).trim()
  return { mechanism, token: read }
}

/** All addresses are asked three times in three quarters of a second. */
const registryRetry = { roundsMax: 3, firstMs: 250 }

export function registryOptions(
  { urls, authentication, tlsCa }: RegistryConfiguration,
  clock: Clock,
): HttpSchemaRegistryOptions {
  return {
    url: urls,
    retry: { clock, ...registryRetry },
    ...(tlsCa === null ? {} : { tlsCa }),
    ...(authentication === null ? {} : { authentication: revealed(authentication) }),
  }
}

function revealed(given: NonNullable<RegistryConfiguration['authentication']>) {
  return given.kind === 'bearer'
    ? { kind: given.kind, token: given.token.reveal() }
    : { kind: given.kind, user: given.username, password: given.password.reveal() }
}

export function clickHouseOptions({
  url,
  username,
  password,
  cluster,
  replicated,
  insertQuorum,
}: ClickHouseConfiguration): ClickHouseOptions {
  return {
    url,
    cluster: { onCluster: cluster, replicated },
    insertQuorum,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
  }
}
