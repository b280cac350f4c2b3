/**
 * A commit that a rebalance got in the way of. The group refuses offsets of a generation that is over; a task
 * that has stayed with the member all the time may send the same content again in the new one, because nobody
 * else can have run it in between.
 */
import { TidemarkError } from '../core/errors.ts'
import type { GroupMetadata } from '../log/log.ts'

/** True where the commit failed while the group went on to another generation with this member in it, so that
 * the same content may go again. */
export function mayCommitAgain(
  thrown: unknown,
  asked: GroupMetadata,
  now: () => GroupMetadata,
): boolean {
  if (!isRefused(thrown)) return false
  const current = now()
  return current.memberId === asked.memberId && current.generationId > asked.generationId
}

/** The failure, marked so that the task's restart is known to be the rebalance's doing. */
export function markedRebalance(
  thrown: unknown,
  asked: GroupMetadata,
  now: () => GroupMetadata,
): unknown {
  if (!isRefused(thrown) || !hasChanged(asked, now)) return thrown
  const { code, message, details } = thrown
  return new TidemarkError(code, message, {
    cause: thrown,
    details: { ...details, isRebalance: true },
  })
}

export function isRebalance(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.details['isRebalance'] === true
}

function isRefused(thrown: unknown): thrown is TidemarkError {
  if (!(thrown instanceof TidemarkError)) return false
  return thrown.code === 'PRODUCER_FENCED' || thrown.code === 'TRANSACTION_ABORTED'
}

function hasChanged(asked: GroupMetadata, now: () => GroupMetadata): boolean {
  try {
    const current = now()
    return current.memberId !== asked.memberId || current.generationId !== asked.generationId
  } catch {
    // The task is this member's no more.
    return true
  }
}
