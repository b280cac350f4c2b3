/** What an import did, and how far it is. */
import type { SenderTotals } from './record-sender.ts'

export interface ImportProgress {
  readonly file: string
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytesRead: number
  readonly bytesTotal: number
  /** Handed over so far, of all topics. */
  readonly events: number
}

export interface ImportReport {
  readonly topics: ReadonlyMap<string, SenderTotals>
  /** Rows that are no event of ours, by kind. */
  readonly leftOut: ReadonlyMap<string, number>
  /** What was looked for and not found, or found and not understood. */
  readonly warnings?: readonly string[]
}
