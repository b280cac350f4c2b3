/**
 * The leader's part of a cooperative rebalance (KIP-429): what the assignor wants, less what another member still
 * owns. Its owner is not given it either, so it lets go of it and joins again; in that next rebalance nobody owns
 * it. A partition that stays is in the assignment throughout and never stops.
 */
import { present } from '../../../core/assert.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { AssignableTopic, GroupAssignor, MemberAssignment } from '../../group-assignor.ts'
import type { MemberSubscription } from './consumer-protocol.ts'

export interface JoinedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly subscription: MemberSubscription
}

export function shareCooperatively(
  members: readonly JoinedMember[],
  topics: readonly AssignableTopic[],
  assignor: GroupAssignor,
): ReadonlyMap<string, MemberAssignment> {
  const claims = claimsOf(members)
  const wanted = assignor(
    members.map(({ memberId, groupInstanceId, subscription }) => ({
      memberId,
      groupInstanceId,
      topics: subscription.topics,
      userData: subscription.userData,
      owned: subscription.owned.filter((at) => claims.ownerOf(at) === memberId),
    })),
    topics,
  )
  return new Map(
    members.map(({ memberId }) => {
      const { partitions, userData } = present(wanted.get(memberId), `assignment of ${memberId}`)
      const given = partitions.filter((at) => claims.isFreeFor(at, memberId))
      return [memberId, { partitions: given, userData }]
    }),
  )
}

interface Claims {
  ownerOf(at: TopicPartition): string | null
  isFreeFor(at: TopicPartition, memberId: string): boolean
}

/**
 * A member that missed rebalances may claim what has been another's since: the later generation is right. Two claims
 * of one generation are both wrong; neither gets the partition in this rebalance, so both let go of it.
 */
function claimsOf(members: readonly JoinedMember[]): Claims {
  const latest = new Map<string, { generationId: number; memberIds: string[] }>()
  for (const { memberId, subscription } of members) {
    const { generationId, owned } = subscription
    for (const at of owned) {
      const id = topicPartitionId(at)
      const claim = latest.get(id)
      if (claim === undefined || claim.generationId < generationId) {
        latest.set(id, { generationId, memberIds: [memberId] })
      } else if (claim.generationId === generationId) claim.memberIds.push(memberId)
    }
  }
  const ownerOf = (at: TopicPartition) => {
    const memberIds = latest.get(topicPartitionId(at))?.memberIds ?? []
    return memberIds.length === 1 ? (memberIds[0] ?? null) : null
  }
  return {
    ownerOf,
    isFreeFor: (at, memberId) => !latest.has(topicPartitionId(at)) || ownerOf(at) === memberId,
  }
}
