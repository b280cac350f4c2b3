/**
 * A commit that a rebalance got in the way of. The group refuses offsets of a generation that is over, so nothing
 * of the commit stands; a task that has stayed with the member all the time may send the same content again in
 * the new one, because nobody else can have run it in between.
 */
import { TidemarkError } from '../core/errors.ts'
import type { GroupMetadata } from '../log/log.ts'

/** Kafka's names for it. */
const groupRefusals: readonly unknown[] = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
  'GROUP_ID_NOT_FOUND',
]

/** True where the group has gone on to another generation with this member in it. Never where it is not known
 * that the commit does not stand. */
export function mayCommitAgain(
  thrown: unknown,
  asked: GroupMetadata,
  now: () => GroupMetadata,
): boolean {
  if (!isRefusedByGroup(thrown)) return false
  const current = now()
  return current.memberId === asked.memberId && current.generationId > asked.generationId
}

/** True where the task's restart is the rebalance's doing and not a failure of its own. */
export function isRefusedByGroup(thrown: unknown): boolean {
  if (!(thrown instanceof TidemarkError) || thrown.code !== 'PRODUCER_FENCED') return false
  const { details } = thrown
  return groupRefusals.includes(details['kafkaError']) || 'groupId' in details
}
