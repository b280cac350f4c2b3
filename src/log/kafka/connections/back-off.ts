/** Exponential back-off with full jitter: many who fail together do not come back together. */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { exhausted, isRetriable } from './failures.ts'

/** The first waits are short because most of what passes, passes within milliseconds (a transaction's markers). */
const firstDelayMs = 5
const delayMaxMs = 1_000

export interface BackOffOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly giveUpAfterMs: number
  readonly signal?: AbortSignal
  /** Called before each further attempt's wait. */
  readonly onRetry?: () => void
}

/** Calls until it succeeds, or fails with what does not pass; that is thrown.
 * @throws TidemarkError KAFKA_UNREACHABLE where what passes has failed it for too long */
export async function withBackOff<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: BackOffOptions,
): Promise<T> {
  const { clock, random, giveUpAfterMs, signal, onRetry } = options
  const deadlineMs = clock.monotonicMs() + giveUpAfterMs
  for (let attemptNumber = 0; ; attemptNumber++) {
    try {
      return await attempt(attemptNumber)
    } catch (failure) {
      const delayMs = backOffMs(attemptNumber, random)
      if (!isRetriable(failure)) throw failure
      if (clock.monotonicMs() + delayMs >= deadlineMs) throw exhausted(failure, giveUpAfterMs)
      onRetry?.()

      await pause(clock, delayMs, signal)
      signal?.throwIfAborted()
    }
  }
}

/** How long to wait after the failure of the attempt, counted from 0. */
export function backOffMs(attemptNumber: number, random: () => number): number {
  const most = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(attemptNumber, 20))
  return random() * most
}
