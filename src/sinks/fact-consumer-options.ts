/** What a fact consumer is told, and what it tells. */
import type { Clock } from '../core/clock.ts'
import type { TopicName } from '../core/record.ts'
import type { SkippedRecords } from '../core/skipped-records.ts'
import type { Log } from '../log/log.ts'
import type { FactBatches } from './fact-batches.ts'
import type { FactSource } from './fact-rows.ts'
import type { Sink } from './sink.ts'

export interface FactConsumerOptions extends Partial<FactBatches> {
  /** Of the instance; the group is `<name>-clickhouse`. */
  readonly name: string
  readonly log: Log
  readonly sink: Sink
  readonly clock: Clock
  readonly facts: readonly FactSource[]
  /** The high bits of every version: grows when the fact topics start anew at offset 0. By topic where each has its
   * own. */
  readonly epoch: number | ReadonlyMap<TopicName, number>
  /** A static member's (KIP-345): kept over restarts. */
  readonly groupInstanceId?: string
  /** How long a fetch waits where there is nothing to read. */
  readonly idleWaitMs?: number
  /** What a write under way gets to end at a stop, or where partitions go to another member; then it is cut. Default
   * 1 s. */
  readonly stopGraceMs?: number
  /** Facts that may wait in the log before `backPressure` says so. */
  readonly lagMax?: number
  /** How long another table may stand in the place of one before it is noticed. */
  readonly tableCheckMs?: number
  /** Makes what the sink has lost, where that is more than its tables. Default: `sink.setup`. */
  readonly makeAnew?: () => Promise<void>
  /** A line for the operator: of tables that are lost, and that are there again. */
  readonly tell?: (line: string) => void
  /** Called once, when the consumer has ended by itself. */
  readonly onFailure?: (error: unknown) => void
}

export interface FactConsumerStatus {
  readonly state: 'stopped' | 'running' | 'paused' | 'failed'
  /** Why it is paused or failed. */
  readonly reason: string | null
  /** Facts not yet queryable, by `database.table`. */
  readonly lag: Readonly<Record<string, number>>
  readonly lagTotal: number
  /** Offsets of facts that the log removed before they were written: by partition, and in all. */
  readonly skips: readonly SkippedRecords[]
  readonly skipped: number
  readonly rowsWritten: number
  /** Tables that were lost while it ran, and made anew. */
  readonly tablesMadeAnew: number
  readonly lastWriteMs: number | null
}
