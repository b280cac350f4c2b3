/** How an instance takes part in its cluster, in the runtime's words. */
import { hostname } from 'node:os'
import type { ClusterOptions } from '../runtime/cluster-options.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import type { Configuration } from './configuration.ts'
import type { Foundation, MemberIdentity } from './foundation.ts'
import { portsOf } from './ports.ts'

export function membershipOf(
  configuration: Configuration,
  cluster: ClusterConfiguration,
  { instanceId, groupInstanceId, stateFrom }: MemberIdentity,
  endTransactionsOf: Foundation['endTransactionsOf'],
): ClusterOptions {
  const { clientRack } = cluster.kafka
  return {
    instanceId,
    endpoint: endpointOf(configuration, cluster),
    numStandbyReplicas: cluster.standbyReplicas,
    maxWarmupReplicas: cluster.warmupReplicas,
    acceptableRecoveryLag: cluster.recoveryLagMax,
    probingRebalanceIntervalMs: cluster.probingRebalanceIntervalMs,
    capacity: Math.max(1, configuration.workers),
    ...(stateFrom === undefined ? {} : { stateFrom }),
    ...(endTransactionsOf === null ? {} : { endTransactionsOf }),
    ...(clientRack === null ? {} : { rack: clientRack }),
    ...(groupInstanceId === null ? {} : { groupInstanceId }),
  }
}

/** Where others reach the console: as configured, or where it listens; a machine that listens everywhere goes by its
 * own name. Null where there is no console. */
export function endpointOf(
  { doors, host, portOffset }: Pick<Configuration, 'doors' | 'host' | 'portOffset'>,
  { endpoint }: Pick<ClusterConfiguration, 'endpoint'>,
): string | null {
  if (endpoint !== null) return endpoint.replace(/\/$/, '')
  if (!doors.includes('console')) return null
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const name = isEverywhere ? hostname() : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${portsOf(portOffset).console}`
}
