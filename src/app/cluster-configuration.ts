/** What an instance needs to know of its cluster, put together from its settings. */
import { Secret } from './secret.ts'
import { SettingsReader } from './settings-reader.ts'
import type { SettingPath, SettingValues } from './settings.ts'

export interface ClusterConfiguration {
  readonly kafka: KafkaConfiguration
  readonly registry: RegistryConfiguration
  readonly clickhouse: ClickHouseConfiguration
  readonly applicationId: string
  /** Null: the group instance id, or else one that the data directory keeps. */
  readonly instanceId: string | null
  /** Of a static member (KIP-345); null joins as a dynamic one. */
  readonly groupInstanceId: string | null
  /** Where other instances reach this one's interactive queries; null: where its console listens. */
  readonly endpoint: string | null
  readonly standbyReplicas: number
  readonly warmupReplicas: number
  /** Records behind which a copy of a state counts as caught up. */
  readonly recoveryLagMax: number
  readonly probingRebalanceIntervalMs: number
  /** State of tasks that live elsewhere is deleted after so long. */
  readonly stateCleanupDelayMs: number
  /** How long a start waits for Kafka, the registry and ClickHouse. */
  readonly startRetryMaxMs: number
}

export interface KafkaConfiguration {
  readonly bootstrapServers: readonly string[]
  /** Null speaks plain text. PEM. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null
  readonly sasl: SaslConfiguration | null
  readonly clientRack: string | null
  /** −1: the broker's default. */
  readonly replicationFactor: number
  readonly compression: SettingValues['kafka.compression']
  readonly sessionTimeoutMs: number
  /** How long a request at a door waits for the brokers. */
  readonly doorWaitMaxMs: number
  readonly guarantee: SettingValues['kafka.guarantee']
  readonly transactionTimeoutMs: number
  readonly transactionProtocolMax: 1 | 2
}

export type SaslConfiguration =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: Secret
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret; readonly tokenFile: string | null }

export interface RegistryConfiguration {
  readonly urls: readonly string[]
  readonly authentication:
    | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
    | { readonly kind: 'bearer'; readonly token: Secret }
    | null
  /** PEM. */
  readonly tlsCa: string | null
}

export interface ClickHouseConfiguration {
  readonly url: string
  readonly username: string | null
  readonly password: Secret | null
  /** For ON CLUSTER; null where the server stands alone. */
  readonly cluster: string | null
  readonly replicated: boolean
  /** Replicas that have an insert before it is answered: ClickHouse's `insert_quorum`, 0 for none; `auto` is more than half. */
  readonly insertQuorum: number | 'auto'
}

/** Who needs a setting that is missing. */
const needer = 'the cluster profile (kafka.bootstrapServers)'

/** Null in the embedded profile, where nobody says where brokers are. Faults name where the setting was made; a setting
 * whose own value is a fault is not missing, too. */
export function clusterConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
  hostName: string,
): ClusterConfiguration | null {
  if (!origins.has('kafka.bootstrapServers')) return null
  const reader = new SettingsReader(values, origins, faults, needer)
  const bootstrapServers = values['kafka.bootstrapServers'] ?? []
  if (values.workers === 0) {
    const why = 'what a task computes in the main thread holds up its heartbeats'
    reader.fault('workers', `0 is for an instance without a cluster: ${why}; set 1 or more`)
  }
  const urls = values['registry.url'] ?? reader.missing<readonly string[]>('registry.url', [])
  return {
    kafka: { bootstrapServers, ...kafkaOf(reader) },
    registry: {
      urls,
      authentication: registryAuthentication(reader),
      tlsCa: reader.pem('registry.tlsCaFile') ?? null,
    },
    clickhouse: {
      url: values['clickhouse.url'] ?? reader.missing('clickhouse.url', ''),
      username: values['clickhouse.username'],
      password: reader.secret('clickhouse.password'),
      cluster: values['clickhouse.cluster'],
      replicated: values['clickhouse.replicated'],
      insertQuorum:
        values['clickhouse.insertQuorum'] ?? (values['clickhouse.replicated'] ? 'auto' : 0),
    },
    applicationId: values.applicationId,
    instanceId: values.instanceId,
    groupInstanceId: groupInstanceId(values, faults, hostName),
    endpoint: values.endpoint,
    standbyReplicas: values.standbyReplicas,
    warmupReplicas: values.warmupReplicas,
    recoveryLagMax: values.recoveryLagMax,
    probingRebalanceIntervalMs: values.probingRebalanceIntervalMs,
    stateCleanupDelayMs: values.stateCleanupDelayMs,
    startRetryMaxMs: values.startRetryMaxMs,
  }
}

function kafkaOf(reader: SettingsReader): Omit<KafkaConfiguration, 'bootstrapServers'> {
  const { values } = reader
  const ca = reader.pem('kafka.tlsCaFile')
  const cert = reader.pem('kafka.tlsCertFile')
  const key = reader.pem('kafka.tlsKeyFile')
  if (reader.isSet('kafka.tlsCertFile') !== reader.isSet('kafka.tlsKeyFile')) {
    reader.fault('kafka.tlsCertFile', 'a certificate needs its key: set both files or neither')
  }
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
  return {
    tls: values['kafka.tls'] || Object.keys(tls).length > 0 ? tls : null,
    sasl: saslOf(reader),
    clientRack: values['kafka.clientRack'],
    replicationFactor: values['kafka.replicationFactor'],
    compression: values['kafka.compression'],
    sessionTimeoutMs: values['kafka.sessionTimeoutMs'],
    doorWaitMaxMs: values['kafka.doorWaitMaxMs'],
    guarantee: values['kafka.guarantee'],
    transactionTimeoutMs: values['kafka.transactionTimeoutMs'],
    transactionProtocolMax: values['kafka.transactionProtocolMax'] === 1 ? 1 : 2,
  }
}

function saslOf(reader: SettingsReader): SaslConfiguration | null {
  const { values } = reader
  const mechanism = values['kafka.saslMechanism']
  const username = values['kafka.saslUsername']
  const password = reader.secret('kafka.saslPassword')
  const token = reader.secret('kafka.saslToken')
  if (mechanism === null) {
    const isGiven = username !== null || password !== null || token !== null
    if (isGiven && !reader.isSet('kafka.saslMechanism')) {
      reader.fault('kafka.saslMechanism', 'missing: the credentials need a mechanism')
    }
    return null
  }
  if (mechanism === 'OAUTHBEARER') {
    const tokenFile = values['kafka.saslTokenFile']
    return {
      mechanism,
      tokenFile,
      token: token ?? reader.missing('kafka.saslToken', new Secret('')),
    }
  }
  return {
    mechanism,
    username: username ?? reader.missing('kafka.saslUsername', ''),
    password: password ?? reader.missing('kafka.saslPassword', new Secret('')),
  }
}

function registryAuthentication(reader: SettingsReader): RegistryConfiguration['authentication'] {
  const username = reader.values['registry.username']
  const password = reader.secret('registry.password')
  const token = reader.secret('registry.token')
  if (token !== null) {
    if (username !== null) {
      reader.fault(
        reader.isSet('registry.token') ? 'registry.token' : 'registry.tokenFile',
        'set a token or a username, not both',
      )
    }
    return { kind: 'bearer', token }
  }
  if (username === null) {
    if (password !== null) reader.fault('registry.username', 'missing: the password needs one')
    return null
  }
  return {
    kind: 'basic',
    username,
    password: password ?? reader.missing('registry.password', new Secret('')),
  }
}

/** A pod of a stateful set is called `name-3`: its name stays over restarts. */
function groupInstanceId(values: SettingValues, faults: string[], hostName: string): string | null {
  if (values.groupInstanceId !== null) return values.groupInstanceId
  if (!values.staticMembership) return null
  if (/-\d+$/.test(hostName)) return hostName
  faults.push(
    `staticMembership: the host is called ${JSON.stringify(hostName)}, without an ordinal as in "name-3"; set groupInstanceId`,
  )
  return null
}
