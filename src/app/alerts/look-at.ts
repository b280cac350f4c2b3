/** What alerts look at, asked of the parts of an instance. */
import type { InstanceStatus } from '../../server/console/instance-status.ts'
import type { InstanceConditions } from '../conditions.ts'
import type { Services } from '../services.ts'
import type { Look, PausedFacts } from './rules.ts'
import { Speaker } from './speaker.ts'

/** The quarantine's, and that of whatever else is no topology's. */
const ownConsumer = 'tidemark'

export function lookAt(
  services: Services,
  status: () => InstanceStatus,
  { outage, unreadPartitions }: InstanceConditions,
): () => Look {
  const speaker = new Speaker()
  const [first] = services.topologies.map(({ graph }) => graph.name).toSorted()
  return () => {
    const hosts = first === undefined ? null : services.queryable.hostsOf(first)
    return {
      status: status(),
      pausedFacts: pausedFacts(services),
      quarantineLag: services.consumers.get(ownConsumer)?.status().lagTotal ?? 0,
      outage: outage?.text() ?? null,
      unreadPartitions: speaker.speaks(hosts) ? (unreadPartitions?.text() ?? null) : null,
    }
  }
}

function pausedFacts({ consumers }: Services): readonly PausedFacts[] {
  return [...consumers].flatMap(([topology, consumer]) => {
    const { state, reason } = consumer.status()
    return state === 'paused' ? [{ topology, reason: reason ?? 'no reason was told' }] : []
  })
}
