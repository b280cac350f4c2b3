/** What a write of one dataset has done, as the job's result tells it. */
import type { Dataset, Layer } from './places.ts'

export interface DatasetWritten {
  readonly layer: Layer
  readonly name: string
  days_written: number
  days_unchanged: number
  /** Days whose rows are gone from the table. */
  days_removed: number
  /** Days older than the retention, which are not written. */
  days_past_retention: number
  rows: number
  files: number
  bytes: number
  /** Of raw data: records that the log had let go of before they were written, and those of days past retention. */
  records_missed: number
  records_past_retention: number
}

export function nothingWritten({ layer, name }: Dataset): DatasetWritten {
  return {
    layer,
    name,
    days_written: 0,
    days_unchanged: 0,
    days_removed: 0,
    days_past_retention: 0,
    rows: 0,
    files: 0,
    bytes: 0,
    records_missed: 0,
    records_past_retention: 0,
  }
}
