/** Writes what callers commit together: as one transaction, or at least once. */
import { TidemarkError } from '../../../core/errors.ts'
import type { CommitJob, MergedContent } from './merged-content.ts'
import { abortedError } from './transaction-reactions.ts'

export interface ContentWriter {
  /** In errors. */
  readonly name: string
  /** `fenced` is for ever. */
  readonly state: 'unprepared' | 'ready' | 'fenced'
  /** To `ready`. @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE */
  prepare(): Promise<void>
  /** Never rejects. One at a time. */
  write(content: MergedContent): Promise<WriteOutcome>
}

export type WriteOutcome =
  /** All of it, but what is refused. */
  | { readonly kind: 'committed'; readonly refusals: Refusals }
  /** The others' content is to be written again without what is refused. */
  | { readonly kind: 'refused'; readonly refusals: Refusals }
  /** It may be written again. */
  | { readonly kind: 'aborted'; readonly cause: unknown }
  /** Every caller fails with this. */
  | { readonly kind: 'over'; readonly error: unknown }

export type Refusals = ReadonlyMap<CommitJob, unknown>

/** Nothing of the callers was written: they may go on from the committed offsets once Kafka is there again. */
export function unprepared(name: string, thrown: unknown): WriteOutcome {
  const isAway = thrown instanceof TidemarkError && thrown.code === 'KAFKA_UNREACHABLE'
  return { kind: 'over', error: isAway ? abortedError(name, thrown) : thrown }
}
