import { TidemarkError } from '../../core/errors.ts'
import type { WaitingFor } from '../runtime-status.ts'

/** A failure that is over when the log answers again, or when there is space on the disk. */
export function isPassing(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.reaction === 'retry'
}

/** What has to come back for it to be over; null where nobody can say. */
export function waitedForBy(thrown: unknown): WaitingFor | null {
  if (!(thrown instanceof TidemarkError)) return null
  if (thrown.code === 'DISK_FULL') return 'disk'
  return thrown.code === 'KAFKA_UNREACHABLE' ? 'kafka' : null
}
