/** A table that is not there, or whose database is not: what a consumer waits for, and anybody else is refused by. */
import { TidemarkError } from '../core/errors.ts'

/** Of a SINK_REFUSED's details. */
export const lostTableDetail = 'isTableLost'

export function isTableLost(thrown: unknown): thrown is TidemarkError {
  return thrown instanceof TidemarkError && thrown.details[lostTableDetail] === true
}
