/** Which failures a consumer of facts waits for. */
import { pause, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'

/** A group that refuses offsets is sharing its partitions out anew. */
const groupCodes: ReadonlySet<string> = new Set(['PRODUCER_FENCED', 'TRANSACTION_ABORTED'])

/** Passes without a person's doing, or with a person's room on the disk. */
export function passes(thrown: unknown): thrown is TidemarkError {
  if (!(thrown instanceof TidemarkError)) return false
  return thrown.reaction === 'retry' || groupCodes.has(thrown.code)
}

const retryMs = 500

/** Null where the signal is aborted before there is an answer.
 * @throws what `ask` throws and does not pass */
export async function onceKnown<Answer>(
  ask: () => Promise<Answer>,
  clock: Clock,
  stopping: AbortSignal,
): Promise<Answer | null> {
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
      if (stopping.aborted) return null
      await pause(clock, retryMs, stopping)
    }
  }
}
