/** Everything for which a start may be refused, asked before it registers, makes, joins or fences anything. */
import type { Clock } from '../core/clock.ts'
import { topicSpecs, verifyExisting } from '../runtime/topics.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { peerHeaders } from './access/authorization.ts'
import type { Configuration } from './configuration.ts'
import { refuseTakenNames } from './derived-names.ts'
import type { Foundation } from './foundation.ts'
import { readManifests } from './manifest-records.ts'
import { endpointOf } from './membership.ts'
import { refuseNamesake } from './namesake.ts'
import { refuseResetsUnderWay } from './resets-under-way.ts'
import { refuseOtherApplication } from './other-application.ts'
import { refuseSharedEndpoint } from './shared-endpoint.ts'
import { changesOf, refuseOrphans, type TopologyChanges } from './topology-changes.ts'

/** Schemas are compared by `openCodecs`, which registers them.
 * @throws TidemarkError STORE_ORPHANED | PARAMETERS_CHANGED | TOPIC_MISMATCH where this start would lose what ran before, or what is there
 * cannot be worked on; CONFIGURATION_INVALID where another process lives under the instance's id or at its address; GROUP_ACTIVE where
 * another application runs the topology; RESET_UNFINISHED; TOPOLOGY_INVALID where it would take names of one that has run */
export async function checkStart(
  configuration: Configuration,
  foundation: Foundation,
  graphs: readonly TopologyGraph[],
  clock: Clock,
): Promise<readonly TopologyChanges[]> {
  const { partitions, accept } = configuration
  const { log, admin } = foundation
  await refuseResetsUnderWay(
    foundation.meta,
    graphs.map(({ name }) => name),
  )
  refuseTakenNames(graphs, await readManifests(foundation.meta))
  await refuseOthers(configuration, foundation, graphs, clock)
  const context = { ...foundation, defaultPartitionCount: partitions, accepted: accept }
  const changes = await changesOf(graphs, context, null)
  refuseOrphans(changes)
  // Topics of a log that is this process's own are what it makes of them.
  if (admin === null) return changes
  const specs = topicSpecs(graphs, partitions, !log.sharesState)
  await verifyExisting(log, graphs, specs, new Set(await admin.topicNames()))
  return changes
}

async function refuseOthers(
  configuration: Configuration,
  { admin, member }: Foundation,
  graphs: readonly TopologyGraph[],
  clock: Clock,
): Promise<void> {
  const { cluster } = configuration
  if (cluster === null || admin === null || member === null) return
  const groupIds = graphs.map(({ name }) => name)
  const { applicationId } = cluster
  await refuseOtherApplication({ admin, groupIds, applicationId })
  const asked = { member, clock, applicationId, headers: peerHeaders(configuration) }
  await refuseNamesake({ ...asked, admin, groupIds })
  await refuseSharedEndpoint({ ...asked, endpoint: endpointOf(configuration, cluster) })
}
