/** Which failures a consumer of facts waits for. */
import { TidemarkError } from '../core/errors.ts'

/** A group that refuses offsets is sharing its partitions out anew. */
const groupCodes: ReadonlySet<string> = new Set(['PRODUCER_FENCED', 'TRANSACTION_ABORTED'])

/** Passes without a person's doing, or with a person's room on the disk. */
export function passes(thrown: unknown): thrown is TidemarkError {
  if (!(thrown instanceof TidemarkError)) return false
  return thrown.reaction === 'retry' || groupCodes.has(thrown.code)
}
