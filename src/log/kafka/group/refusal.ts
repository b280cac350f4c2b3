/** Why a group does not take a member, in words that say what to do. */
import { TidemarkError } from '../../../core/errors.ts'
import { ProtocolError } from '../protocol-error.ts'

const remedies: Readonly<Record<string, string>> = {
  FENCED_INSTANCE_ID:
    'another process has taken this member over: it joined under the same group instance id, and this one ends. ' +
    'Give each process an id of its own (groupInstanceId, or a pod name of its own with staticMembership) and start it again',
  INCONSISTENT_GROUP_PROTOCOL:
    'other programs consume in this group; stop them, or give the topology another name',
  INVALID_SESSION_TIMEOUT:
    'the session time-out is outside of what the brokers allow (group.min.session.timeout.ms, group.max.session.timeout.ms)',
  GROUP_MAX_SIZE_REACHED: 'the group has as many members as the brokers allow (group.max.size)',
  INVALID_GROUP_ID:
    'a group of this name is of another kind; delete it, or give the topology another name',
}

/** Errors of the protocol as KAFKA_REFUSED; all others as they are. */
export function refusalOf(
  failure: unknown,
  { groupId, groupInstanceId = null }: { groupId: string; groupInstanceId?: string | null },
): unknown {
  if (!(failure instanceof ProtocolError)) return failure
  const who = groupInstanceId === null ? '' : `, as ${groupInstanceId}`
  const remedy =
    remedies[failure.codeName] ?? 'see the log of the broker that coordinates the group'
  return new TidemarkError(
    'KAFKA_REFUSED',
    `group ${groupId}${who}: ${failure.message}: ${remedy}`,
    {
      details: { groupId, error: failure.codeName },
      cause: failure,
    },
  )
}
