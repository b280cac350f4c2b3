/** How a group's partitions are shared out. A function of its input alone, so that every run agrees. */
import type { Partition, TopicName, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'

export interface AssignableMember {
  readonly memberId: string
  /** Of a static member; null where it has none. */
  readonly groupInstanceId: string | null
  readonly topics: readonly TopicName[]
  readonly userData: Buffer
  readonly owned: readonly TopicPartition[]
}

export interface AssignableTopic {
  readonly name: TopicName
  readonly partitionCount: number
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  /** Handed to the member's `onAssignment`. */
  readonly userData: Buffer
}

/** By member, as it is wanted: every partition of a subscribed topic goes to at most one member. The log carries
 * it out cooperatively: a partition that moves is given to nobody until its owner has let go of it. */
export type GroupAssignor = (
  members: readonly AssignableMember[],
  topics: readonly AssignableTopic[],
) => ReadonlyMap<string, MemberAssignment>

const noUserData = Buffer.alloc(0)

/**
 * Partition n of all topics goes to one member, because a task reads the n-th of each (co-partitioning).
 * Sticky: a member keeps what it owns up to its fair share, so that little state moves.
 */
export const stickyTaskAssignor: GroupAssignor = (members, topics) => {
  const assigned = new Map<string, TopicPartition[]>()
  const byId = [...members].sort((left, right) => (left.memberId < right.memberId ? -1 : 1))
  for (const member of byId) assigned.set(member.memberId, [])
  const unitCount = topics.reduce((most, topic) => Math.max(most, topic.partitionCount), 0)
  const owners = chooseOwners(byId, unitCount)
  for (let unit = 0; unit < unitCount; unit++) {
    for (const topic of topics) {
      if (unit >= topic.partitionCount) continue
      const subscribed = byId.filter((member) => member.topics.includes(topic.name))
      const owner =
        subscribed.find((member) => member.memberId === owners[unit]) ??
        subscribed[unit % subscribed.length]
      const at = { topic: topic.name, partition: unit as Partition }
      if (owner !== undefined) assigned.get(owner.memberId)?.push(at)
    }
  }
  return new Map(
    [...assigned].map(([id, partitions]) => [id, { partitions, userData: noUserData }]),
  )
}

function chooseOwners(members: readonly AssignableMember[], unitCount: number): string[] {
  const owners: string[] = []
  const loads = new Map(members.map((member) => [member.memberId, 0]))
  const fair = Math.floor(unitCount / members.length)
  let extras = unitCount % members.length
  for (const member of members) {
    const owned = new Set(member.owned.map((at) => Number(at.partition)))
    const kept = [...owned].filter((unit) => unit < unitCount && owners[unit] === undefined)
    kept.sort((left, right) => left - right)
    // `extras` members may keep one more than the others.
    const share = kept.length > fair && extras > 0 ? fair + 1 : fair
    if (share > fair) extras--
    for (const unit of kept.slice(0, share)) owners[unit] = member.memberId
    loads.set(member.memberId, Math.min(kept.length, share))
  }
  for (let unit = 0; unit < unitCount; unit++) {
    if (owners[unit] !== undefined) continue
    const lightest = members.reduce((best, member) =>
      (loads.get(member.memberId) ?? 0) < (loads.get(best.memberId) ?? 0) ? member : best,
    )
    owners[unit] = lightest.memberId
    loads.set(lightest.memberId, (loads.get(lightest.memberId) ?? 0) + 1)
  }
  return owners
}

/** The partitions of `left` that are not in `right`. */
export function partitionsWithout(
  left: readonly TopicPartition[],
  right: readonly TopicPartition[],
): TopicPartition[] {
  const ids = new Set(right.map(topicPartitionId))
  return left.filter((at) => !ids.has(topicPartitionId(at)))
}
