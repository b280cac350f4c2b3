/**
 * Configuration: flags > environment > tidemark.NAME.yaml (with --env NAME) > tidemark.yaml > defaults.
 * A wrong or unknown key is refused, all faults at once, each naming where it was set.
 */
import { hostname } from 'node:os'
import { TidemarkError } from '../core/errors.ts'
import { embeddedBatches, serverBatches, type FactBatches } from '../sinks/fact-batches.ts'
import {
  accessConfiguration,
  credentialsConfiguration,
  type AccessConfiguration,
  type CredentialsConfiguration,
} from './access/access-configuration.ts'
import { alertsConfiguration, type AlertsConfiguration } from './alerts/alerts-configuration.ts'
import { clusterConfiguration, type ClusterConfiguration } from './cluster-configuration.ts'
import { qualityConfiguration, type QualityConfiguration } from './quality/quality-configuration.ts'
import { layersOf, type ConfigurationInput } from './configuration-layers.ts'
import { lakeConfiguration, type LakeConfiguration } from './lake/lake-configuration.ts'
import {
  doorNames,
  isOfTheCluster,
  settingOf,
  settingPaths,
  type DoorName,
  type SettingPath,
  type SettingValues,
} from './settings.ts'

export type { ConfigurationInput } from './configuration-layers.ts'

export interface Configuration {
  /** The instance's data. */
  readonly dataDir: string
  /** Which topologies run: names of files under `topologies/`, or paths of one's own. */
  readonly topologies: readonly string[]
  /** The address that all ports bind to. */
  readonly host: string
  readonly portOffset: number
  readonly doors: readonly DoorName[]
  /** Worker threads; 0 runs the tasks in the main thread. */
  readonly workers: number
  /** Partitions of a topic that does not say. */
  readonly partitions: number
  /** Upper bound of the state store's memory: write buffers, caches. */
  readonly memoryBudgetBytes: number
  readonly commitIntervalMs: number
  /** Whether an acknowledgement waits for the disk (`fsync`) or for the operating system (`process-crash`). */
  readonly durability: 'fsync' | 'process-crash'
  readonly bodyBytesMax: number
  readonly recordBytesMax: number
  /** Stores, `topology/store`, whose loss was agreed to. */
  readonly accept: readonly string[]
  readonly sink: SinkConfiguration
  /** Who may ask at the doors; null: whoever reaches them. */
  readonly access: AccessConfiguration | null
  /** Who a command is. */
  readonly credentials: CredentialsConfiguration | null
  readonly alerts: AlertsConfiguration
  readonly quality: QualityConfiguration
  readonly lake: LakeConfiguration
  /** How long live events may wait behind what files bring; 0 is as long as it takes. */
  readonly bulkDelayMaxMs: number
  /** Of what instances were asked to run; 0 keeps all. */
  readonly runsRetentionDays: number
  /** Null: the embedded profile. */
  readonly cluster: ClusterConfiguration | null
}

export interface SinkConfiguration extends FactBatches {
  /** Facts of a topology that may wait for ClickHouse before the doors and the tasks hold back. */
  readonly lagMax: number
}

/** Brokers take records of 1 MiB unless told otherwise, and a refused record has to fit with its reason. */
const recordBytes = { embedded: 1024 * 1024, cluster: 256 * 1024 }
/** On a cluster the registry and ClickHouse have doors of their own. */
const clusterDoors: readonly DoorName[] = ['console', 'ingest']

/** @throws TidemarkError CONFIGURATION_INVALID, with every fault */
export function loadConfiguration(input: ConfigurationInput): Configuration {
  const faults: string[] = []
  const layers = layersOf(input, faults)
  const result: Partial<Record<SettingPath, unknown>> = {}
  const origins = new Map<SettingPath, string>()
  const own: SettingPath[] = []
  for (const path of settingPaths) {
    const { fallback, read } = settingOf(path)
    result[path] = fallback
    const layer = layers.find(({ values }) => values.has(path))
    if (layer === undefined) continue
    origins.set(path, layer.origin(path))
    if (layer.isOwn) own.push(path)
    const reading = read(layer.values.get(path))
    if ('fault' in reading) faults.push(`${layer.origin(path)}: ${reading.fault}`)
    else result[path] = reading.value
  }
  const values = result as SettingValues
  const originOf = (path: SettingPath) => origins.get(path) ?? path
  const cluster = clusterConfiguration(values, origins, faults, input.hostName ?? hostname())
  if (cluster === null) {
    for (const path of own.filter(isOfTheCluster)) {
      faults.push(`${originOf(path)}: says nothing without kafka.bootstrapServers`)
    }
  }
  const { environment } = input
  const isCluster = cluster !== null
  const access = accessConfiguration(values, origins, faults, { environment, isCluster })
  const credentials = credentialsConfiguration(values, origins, faults)
  const alerts = alertsConfiguration(values, origins, faults)
  const quality = qualityConfiguration(values, origins, faults)
  const lake = lakeConfiguration(values, origins, faults)
  const sink = sinkOf(values, cluster === null ? embeddedBatches : serverBatches, originOf, faults)
  if (faults.length > 0) throw refusal(faults)
  return configurationOf(values, { cluster, sink, access, credentials, alerts, lake, quality })
}

/** A server wants few and large inserts; the engine in this process can be as quick as one likes. */
function sinkOf(
  values: SettingValues,
  defaults: FactBatches,
  origin: (path: SettingPath) => string,
  faults: string[],
): SinkConfiguration {
  const rowsMax = values['sink.rowsMax'] ?? Math.max(defaults.rowsMax, values['sink.rowsMin'] ?? 0)
  const rowsMin = values['sink.rowsMin'] ?? Math.min(defaults.rowsMin, rowsMax)
  if (rowsMin > rowsMax) {
    faults.push(`${origin('sink.rowsMin')}: ${rowsMin} is above sink.rowsMax, ${rowsMax}`)
  }
  return {
    rowsMin,
    rowsMax,
    bytesMax: values['sink.bytesMax'] ?? defaults.bytesMax,
    ageMaxMs: values['sink.ageMaxMs'] ?? defaults.ageMaxMs,
    fetchBytesMax: defaults.fetchBytesMax,
    lagMax: values['sink.lagMax'],
  }
}

function configurationOf(
  values: SettingValues,
  parts: Pick<
    Configuration,
    'cluster' | 'sink' | 'access' | 'credentials' | 'alerts' | 'lake' | 'quality'
  >,
): Configuration {
  const profile = parts.cluster === null ? 'embedded' : 'cluster'
  return {
    ...parts,
    dataDir: values.dataDir,
    topologies: values.topologies,
    host: values.host,
    portOffset: values.portOffset,
    doors: values.doors ?? (profile === 'embedded' ? doorNames : clusterDoors),
    workers: values.workers,
    partitions: values.partitions,
    memoryBudgetBytes: values.memoryBudgetBytes,
    commitIntervalMs: values.commitIntervalMs,
    durability: values.durability,
    bodyBytesMax: values.bodyBytesMax,
    recordBytesMax: values.recordBytesMax ?? recordBytes[profile],
    accept: values.accept,
    bulkDelayMaxMs: values['bulk.delayMaxMs'],
    runsRetentionDays: values['runs.retentionDays'],
  }
}

function refusal(faults: readonly string[]): TidemarkError {
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n` +
      faults.map((fault) => `  ${fault}`).join('\n'),
  )
}
