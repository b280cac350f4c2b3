/** The requests of the classic group protocol, in the versions that Kafka 3.2 to 4.x speak (KIP-814 came last). */
import { heartbeatV4, joinGroupV9, leaveGroupV5, syncGroupV5 } from '@platformatic/kafka'
import { failureOfCode } from '../connections/failures.ts'
import { libraryVersion, tolerantVersion } from '../connections/versioned.ts'
import type { RequestKind, RequestVersion } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'

/** Members of one group have to share a protocol: ours is no one else's, so no foreign member gets in. */
export const protocolName = 'tidemark'
export const protocolType = 'consumer'

export interface MemberIdentity {
  readonly groupId: string
  /** Empty before the coordinator has given one. */
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface JoinRequest extends MemberIdentity {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly metadata: Buffer
  readonly reason: string
}

export interface JoinAnswer {
  readonly memberId: string
  /** Null where the coordinator only gave a member id, with which to join again (KIP-394). */
  readonly generationId: number | null
  readonly isLeader: boolean
  /** The leader came back under its instance id: the assignment stands (KIP-814). */
  readonly skipsAssignment: boolean
  /** For the leader. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }[]
}

export const joinGroupRequest: RequestKind<JoinRequest, JoinAnswer> = {
  name: 'JoinGroup',
  apiKey: 11,
  versions: [{ version: 9, send: sendJoin() }],
}

export interface SyncRequest extends MemberIdentity {
  readonly generationId: number
  /** By member; from the leader. */
  readonly assignments: ReadonlyMap<string, Buffer>
}

export const syncGroupRequest: RequestKind<SyncRequest, Buffer> = {
  name: 'SyncGroup',
  apiKey: 14,
  versions: [{ version: 5, send: sendSync() }],
}

export interface HeartbeatRequest extends MemberIdentity {
  readonly generationId: number
}

export const heartbeatRequest: RequestKind<HeartbeatRequest, unknown> = {
  name: 'Heartbeat',
  apiKey: 12,
  versions: [
    libraryVersion(heartbeatV4.api, (request: HeartbeatRequest): heartbeatV4.HeartbeatRequest => [
      request.groupId,
      request.generationId,
      request.memberId,
      request.groupInstanceId,
    ]),
  ],
}

export interface LeaveRequest extends MemberIdentity {
  readonly reason: string
}

/** With the instance id a static member is gone too; without it Kafka would keep its place for the session. */
export const leaveGroupRequest: RequestKind<LeaveRequest, unknown> = {
  name: 'LeaveGroup',
  apiKey: 13,
  versions: [
    libraryVersion(
      leaveGroupV5.api,
      ({ groupId, ...member }: LeaveRequest): leaveGroupV5.LeaveGroupRequest => [groupId, [member]],
    ),
  ],
}

/** The member id stands in a response that is an error, which the library's error does not always carry. */
function sendJoin(): RequestVersion<JoinRequest, JoinAnswer>['send'] {
  const library = tolerantVersion(
    joinGroupV9.api,
    (request: JoinRequest): joinGroupV9.JoinGroupRequest => [
      request.groupId,
      request.sessionTimeoutMs,
      request.rebalanceTimeoutMs,
      request.memberId,
      request.groupInstanceId,
      protocolType,
      [{ name: protocolName, metadata: request.metadata }],
      request.reason,
    ],
  )
  return async (connection, request) => {
    const response = await library.send(connection, request)
    const failure = failureOf(response.errorCode, 'JoinGroup')
    const isIdOnly = failure instanceof ProtocolError && failure.codeName === 'MEMBER_ID_REQUIRED'
    if (failure !== null && !isIdOnly) throw failure
    return {
      memberId: response.memberId,
      generationId: isIdOnly ? null : response.generationId,
      isLeader: !isIdOnly && response.leader === response.memberId,
      skipsAssignment: response.skipAssignment,
      members: response.members.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId ?? null,
        // The library's is a view on what it reads from the socket.
        metadata: Buffer.from(member.metadata),
      })),
    }
  }
}

function sendSync(): RequestVersion<SyncRequest, Buffer>['send'] {
  const library = libraryVersion(
    syncGroupV5.api,
    (request: SyncRequest): syncGroupV5.SyncGroupRequest => [
      request.groupId,
      request.generationId,
      request.memberId,
      request.groupInstanceId,
      protocolType,
      protocolName,
      [...request.assignments].map(([memberId, assignment]) => ({ memberId, assignment })),
    ],
  )
  return async (connection, request) => {
    const { assignment } = await library.send(connection, request)
    return Buffer.from(assignment)
  }
}

function failureOf(code: number, request: string): Error | null {
  return code === 0 ? null : failureOfCode(code, request)
}
