/** What an instance knows of the lives of others in its cluster, and of its own former one. */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { QueryableRuntime } from '../../runtime/queries/hosts.ts'
import type { FactConsumer } from '../../sinks/fact-consumer.ts'
import { sinkGroup } from '../../sinks/sink-group.ts'
import { peerHeaders } from '../access/authorization.ts'
import type { Configuration } from '../configuration.ts'
import { ownFactsName } from '../fact-consumers.ts'
import type { Foundation } from '../foundation.ts'
import { PeerWatch } from './peer-watch.ts'
import { takeOut } from './take-out.ts'

export interface WatchPeersOptions {
  readonly admin: Foundation['admin']
  readonly topologyNames: readonly string[]
  readonly consumers: ReadonlyMap<string, FactConsumer>
  readonly queryable: Pick<QueryableRuntime, 'hostsOf'>
  readonly clock: Clock
  /** A line for the operator. */
  readonly tell: (line: string) => void
}

/** Returns how to end it. */
export function watchPeers(
  configuration: Configuration,
  options: WatchPeersOptions,
): () => Promise<void> {
  const { cluster } = configuration
  const { admin, topologyNames, consumers, queryable, clock, tell } = options
  if (cluster === null || admin === null) return () => Promise.resolve()
  const groupIds = [...topologyNames, ...[...consumers.values()].map(({ groupId }) => groupId)]
  const watch = new PeerWatch({
    endpoints: () => otherHosts(topologyNames, queryable),
    applicationId: cluster.applicationId,
    headers: peerHeaders(configuration),
    clock,
    onGone: async (peer, endpoint) => {
      const who = `instance ${peer.instanceId} at ${endpoint} is gone without a word`
      try {
        const groups = await takeOut(admin, groupIds, peer)
        if (groups.length > 0) tell(`${who}: taken out of ${groups.join(', ')}`)
      } catch (thrown) {
        tell(`${who}; its sessions must run out: ${messageOf(thrown)}`)
      }
    },
  })
  return () => watch.close()
}

function otherHosts(
  topologyNames: readonly string[],
  queryable: Pick<QueryableRuntime, 'hostsOf'>,
): ReadonlySet<string> {
  const others = new Set<string>()
  for (const hosts of topologyNames.map((name) => queryable.hostsOf(name))) {
    for (const { active, standbys } of hosts?.tasks ?? []) {
      for (const host of [active, ...standbys]) {
        if (host !== null && host !== '' && host !== hosts?.self) others.add(host)
      }
    }
  }
  return others
}

/** A start that nobody refused knows that no other process lives under its id: what is left of it in the groups is its
 * own former life, for whose session the others would wait. */
export async function takeOutFormerSelf(
  { cluster }: Configuration,
  { admin, member }: Foundation,
  topologyNames: readonly string[],
): Promise<void> {
  if (cluster === null || admin === null || member === null) return
  const sinkGroups = [...topologyNames, ownFactsName].map(sinkGroup)
  const groupIds = [...topologyNames, ...sinkGroups]
  const { applicationId } = cluster
  await takeOut(admin, groupIds, { applicationId, instanceId: member.instanceId })
}
