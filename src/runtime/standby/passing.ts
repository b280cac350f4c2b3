import { TidemarkError } from '../../core/errors.ts'

/** A failure that is over when the log answers again. */
export function isPassing(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.reaction === 'retry'
}
