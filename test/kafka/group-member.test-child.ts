/** A member of a group in a process of its own, which says what happens to it, one line each. */
import { systemClock } from '../../src/core/clock.ts'
import type { TopicName, TopicPartition } from '../../src/core/record.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import { KafkaGroups } from '../../src/log/kafka/group/kafka-groups.ts'

const [servers = '', groupId = '', topic = '', sessionTimeoutMs = ''] = process.argv.slice(2)

const cluster = await openCluster({
  bootstrapServers: servers.split(','),
  clientId: 'child',
  clock: systemClock,
})
const groups = new KafkaGroups({
  cluster,
  clock: systemClock,
  settings: { sessionTimeoutMs: Number(sessionTimeoutMs), heartbeatIntervalMs: 50 },
})

function say(what: string) {
  return (partitions: readonly TopicPartition[]) => {
    console.log(`${what} ${partitions.map(({ partition }) => partition).join()}`)
    return Promise.resolve()
  }
}

await groups.join({
  groupId,
  topics: [topic as TopicName],
  userData: () => Buffer.alloc(0),
  onAssigned: say('assigned'),
  onRevoked: say('revoked'),
  // One that is refused as a member before it has anything again loses nothing.
  onLost: (partitions) => (partitions.length > 0 ? say('lost')(partitions) : Promise.resolve()),
})
