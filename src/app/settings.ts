/**
 * Every setting, by its path. One rule gives its three names: `kafka.clientRack` is the flag `--kafka-client-rack`, the
 * environment variable `TIDEMARK_KAFKA_CLIENT_RACK`, and the key `clientRack` under `kafka:` in YAML.
 */
import { accessSettings, peerSettings } from './access/access-settings.ts'
import { alertSettings } from './alerts/alert-settings.ts'
import { lakeSettings } from './lake/lake-settings.ts'
import { qualitySettings } from './quality/quality-settings.ts'
import { optional, secret, setting, type Setting } from './setting.ts'
import {
  addresses,
  httpUrl,
  httpUrls,
  identifier,
  list,
  oneOf,
  portOffset,
  severalOf,
  text,
  wholeNumber,
  yesOrNo,
} from './setting-readers.ts'

const mebibyte = 1024 * 1024
const day = 24 * 60 * 60_000

export const doorNames = ['console', 'registry', 'ingest', 'clickhouse'] as const
export type DoorName = (typeof doorNames)[number]

/** All that are bundled (docs/decisions/0012-all-five-by-default.md). */
const defaultTopologies: readonly string[] = [
  ...['mcq', 'exam-scores'],
  ...['open-university', 'student-performance', 'adaptive-learning'],
]

/** Of both profiles. */
const common = {
  dataDir: setting('./data', text),
  topologies: setting(defaultTopologies, list),
  host: setting('127.0.0.1', text),
  portOffset: setting(0, portOffset),
  doors: optional<readonly DoorName[]>(severalOf(doorNames)),
  workers: setting(1, wholeNumber(0, 64)),
  partitions: setting(4, wholeNumber(1, 256)),
  memoryBudgetBytes: setting(144 * mebibyte, wholeNumber(48 * mebibyte, 1024 * 1024 * mebibyte)),
  commitIntervalMs: setting(100, wholeNumber(1, 60_000)),
  durability: setting<'fsync' | 'process-crash'>('fsync', oneOf(['fsync', 'process-crash'])),
  bodyBytesMax: setting(16 * mebibyte, wholeNumber(1024, 1024 * mebibyte)),
  recordBytesMax: optional(wholeNumber(1024, 256 * mebibyte)),
  accept: setting<readonly string[]>([], list),
  'sink.rowsMin': optional(wholeNumber(1, 1_000_000)),
  'sink.rowsMax': optional(wholeNumber(1, 1_000_000)),
  'sink.bytesMax': optional(wholeNumber(1024, 1024 * mebibyte)),
  'sink.ageMaxMs': optional(wholeNumber(1, 60_000)),
  'sink.lagMax': setting(500_000, wholeNumber(1, 1_000_000_000)),
  'bulk.delayMaxMs': setting(2_000, wholeNumber(0, day)),
  'runs.retentionDays': setting(365, wholeNumber(0, 100_000)),
  ...accessSettings,
  ...alertSettings,
  ...qualitySettings,
  ...lakeSettings,
} as const

/** Of the cluster profile: they say nothing without `kafka.bootstrapServers`. */
const ofTheCluster = {
  'kafka.bootstrapServers': optional<readonly string[]>(addresses, {
    environment: 'KAFKA_BOOTSTRAP_SERVERS',
  }),
  'kafka.tls': setting(false, yesOrNo),
  'kafka.tlsCaFile': optional(text),
  'kafka.tlsCertFile': optional(text),
  'kafka.tlsKeyFile': optional(text),
  'kafka.saslMechanism': optional(
    oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']),
  ),
  'kafka.saslUsername': optional(text),
  'kafka.saslPassword': secret(),
  'kafka.saslPasswordFile': optional(text),
  'kafka.saslToken': secret(),
  'kafka.saslTokenFile': optional(text),
  'kafka.clientRack': optional(text),
  'kafka.replicationFactor': setting(-1, wholeNumber(-1, 32)),
  'kafka.compression': setting<'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'>(
    'lz4',
    oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']),
  ),
  'kafka.sessionTimeoutMs': setting(10_000, wholeNumber(1000, 30 * 60_000)),
  'kafka.doorWaitMaxMs': setting(10_000, wholeNumber(100, 10 * 60_000)),
  'kafka.guarantee': setting<'exactly-once' | 'at-least-once'>(
    'exactly-once',
    oneOf(['exactly-once', 'at-least-once']),
  ),
  'kafka.transactionTimeoutMs': setting(10_000, wholeNumber(1000, 15 * 60_000)),
  'kafka.transactionProtocolMax': setting(2, wholeNumber(1, 2)),
  'registry.url': optional<readonly string[]>(httpUrls, { environment: 'SCHEMA_REGISTRY_URL' }),
  'registry.username': optional(text),
  'registry.password': secret(),
  'registry.passwordFile': optional(text),
  'registry.token': secret(),
  'registry.tokenFile': optional(text),
  'registry.tlsCaFile': optional(text),
  'clickhouse.url': optional(httpUrl, { environment: 'CLICKHOUSE_URL' }),
  'clickhouse.username': optional(text),
  'clickhouse.password': secret(),
  'clickhouse.passwordFile': optional(text),
  'clickhouse.cluster': optional(text),
  'clickhouse.replicated': setting(false, yesOrNo),
  'clickhouse.insertQuorum': optional(wholeNumber(0, 64)),
  applicationId: setting('tidemark', identifier),
  instanceId: optional(identifier),
  groupInstanceId: optional(identifier),
  staticMembership: setting(false, yesOrNo),
  endpoint: optional(httpUrl),
  standbyReplicas: setting(1, wholeNumber(0, 16)),
  warmupReplicas: setting(2, wholeNumber(1, 256)),
  recoveryLagMax: setting(10_000, wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  probingRebalanceIntervalMs: setting(10 * 60_000, wholeNumber(1000, day)),
  stateCleanupDelayMs: setting(10 * 60_000, wholeNumber(0, 365 * day)),
  startRetryMaxMs: setting(30_000, wholeNumber(0, 60 * 60_000)),
  ...peerSettings,
} as const

export const settings = { ...common, ...ofTheCluster }

export type SettingPath = keyof typeof settings
export type SettingValues = {
  readonly [Path in SettingPath]: (typeof settings)[Path] extends Setting<infer T> ? T : never
}

export const settingPaths = Object.keys(settings) as SettingPath[]

export function isOfTheCluster(path: SettingPath): boolean {
  return path in ofTheCluster
}

export function settingOf(path: SettingPath): Setting<unknown> {
  return settings[path]
}

/** `kafka-client-rack`, without the dashes before it. */
export function flagOf(path: string): string {
  return path.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `TIDEMARK_KAFKA_CLIENT_RACK`. */
export function environmentOf(path: string): string {
  return `TIDEMARK_${flagOf(path).replaceAll('-', '_').toUpperCase()}`
}
