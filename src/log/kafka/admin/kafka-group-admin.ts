/** Groups as operators see them. */
import { deleteGroupsV2, describeGroupsV5, leaveGroupV4, leaveGroupV5 } from '@platformatic/kafka'

import { TidemarkError } from '../../../core/errors.ts'
import type { PartitionOffset } from '../../log.ts'
import type { GroupDescription, GroupMemberDescription, MemberRemoval } from '../../log-admin.ts'
import { libraryVersion } from '../connections/versioned.ts'
import { decodeMemberAssignment, decodeMemberSubscription } from '../group/consumer-protocol.ts'
import type { Destination, KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import { commitOffsets } from '../offsets/commit-offsets.ts'
import type { CommitOffsetsOptions } from '../offsets/commit-offsets.ts'
import { ProtocolError } from '../protocol-error.ts'

type DescribedMember = describeGroupsV5.DescribeGroupsResponseMember

const describeGroupsRequest: RequestKind<string, describeGroupsV5.DescribeGroupsResponse> = {
  name: 'DescribeGroups',
  apiKey: 15,
  versions: [libraryVersion(describeGroupsV5.api, described)],
}

const deleteGroupsRequest: RequestKind<string, deleteGroupsV2.DeleteGroupsResponse> = {
  name: 'DeleteGroups',
  apiKey: 42,
  versions: [libraryVersion(deleteGroupsV2.api, deleted)],
}

function described(groupId: string): [string[], boolean] {
  return [[groupId], false]
}

function deleted(groupId: string): [string[]] {
  return [[groupId]]
}

interface Removal extends MemberRemoval {
  readonly groupId: string
}

const removeMembersRequest: RequestKind<Removal, unknown> = {
  name: 'LeaveGroup',
  apiKey: 13,
  versions: [libraryVersion(leaveGroupV5.api, removal), libraryVersion(leaveGroupV4.api, removal)],
}

function removal({
  groupId,
  members,
  reason,
}: Removal): [string, leaveGroupV5.LeaveGroupRequestMember[]] {
  return [
    groupId,
    members.map(({ memberId, groupInstanceId }) => ({
      memberId,
      ...(groupInstanceId === null ? {} : { groupInstanceId }),
      reason,
    })),
  ]
}

const states: Readonly<Record<string, GroupDescription['state']>> = {
  Empty: 'empty',
  PreparingRebalance: 'rebalancing',
  CompletingRebalance: 'rebalancing',
  Stable: 'stable',
  Dead: 'dead',
}

export async function describeGroup(
  cluster: KafkaCluster,
  groupId: string,
): Promise<GroupDescription | null> {
  const answer = await cluster.retry(coordinatorOf(groupId), describeGroupsRequest, groupId)
  const [group] = answer.groups
  // A coordinator says `Dead` of a group that it has never heard of.
  if (group === undefined || group.groupState === 'Dead') return null
  return {
    groupId,
    state: states[group.groupState] ?? 'rebalancing',
    members: group.members.map(describeMember),
  }
}

function describeMember(member: DescribedMember): GroupMemberDescription {
  const { memberMetadata, memberAssignment } = member
  const assignment = decodeMemberAssignment(memberAssignment)
  return {
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId ?? null,
    clientId: member.clientId,
    host: member.clientHost,
    userData:
      // Not told while the group rebalances.
      memberMetadata.length === 0
        ? Buffer.alloc(0)
        : decodeMemberSubscription(memberMetadata).userData,
    assignmentUserData: assignment.userData,
    assigned: assignment.partitions,
  }
}

/** @throws TidemarkError GROUP_ACTIVE */
export async function alterGroupOffsets(
  groupId: string,
  offsets: readonly PartitionOffset[],
  options: CommitOffsetsOptions,
): Promise<void> {
  const group = await describeGroup(options.cluster, groupId)
  if (group !== null && group.members.length > 0) throw active(groupId, group.members.length)
  try {
    await commitOffsets({ groupId, generationId: -1, memberId: '' }, offsets, options)
  } catch (failure) {
    const isRefused = failure instanceof TidemarkError && failure.code === 'PRODUCER_FENCED'
    throw isRefused ? active(groupId, 1) : failure
  }
}

export async function removeMembers(
  cluster: KafkaCluster,
  groupId: string,
  removal?: MemberRemoval,
): Promise<void> {
  const members = removal?.members ?? (await describeGroup(cluster, groupId))?.members ?? []
  if (members.length === 0) return
  const asked = { groupId, members, reason: removal?.reason ?? 'removed by an operator' }
  try {
    await cluster.retry(coordinatorOf(groupId), removeMembersRequest, asked)
  } catch (failure) {
    // It left by itself meanwhile.
    if (!(failure instanceof ProtocolError) || failure.codeName !== 'UNKNOWN_MEMBER_ID')
      throw failure
  }
}

/** Nothing happens where there is no such group. @throws TidemarkError GROUP_ACTIVE */
export async function deleteGroup(cluster: KafkaCluster, groupId: string): Promise<void> {
  try {
    await cluster.retry(coordinatorOf(groupId), deleteGroupsRequest, groupId)
  } catch (failure) {
    const code = failure instanceof ProtocolError ? failure.codeName : ''
    if (code === 'NON_EMPTY_GROUP') throw active(groupId, 1)
    if (code !== 'GROUP_ID_NOT_FOUND') throw failure
  }
}

function active(groupId: string, memberCount: number): TidemarkError {
  return new TidemarkError(
    'GROUP_ACTIVE',
    `group ${groupId} has ${memberCount} or more members: stop its instances first, or take out those that are gone`,
  )
}

function coordinatorOf(groupId: string): Destination {
  return { kind: 'coordinator', of: 'group', key: groupId }
}
