import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Configuration } from '../configuration.ts'
import { clientIdOf } from '../instance-identity.ts'

/** As messages call it: of several on a cluster as the brokers do, alone by its machine and its data.
 * @param instanceId null where it is not known yet */
export function instanceNameOf(
  { cluster, dataDir }: Configuration,
  instanceId: string | null,
): string {
  if (cluster === null) return `${hostname()}:${resolve(dataDir)}`
  const id = instanceId ?? cluster.instanceId ?? cluster.groupInstanceId
  return id === null
    ? `${cluster.applicationId} on ${hostname()}`
    : clientIdOf(cluster.applicationId, id)
}
