/** What the runtime tells of itself. Counts are since the start of the process; times are milliseconds. */
import type { TopicPartition } from '../core/record.ts'
import type { NodeDrops } from './task-metrics.ts'
import type { TaskState } from './task-lifecycle.ts'

export interface InputStatus extends TopicPartition {
  readonly position: number
  /** Records in the log that are not processed yet, as of the last fetch. */
  readonly lag: number
  readonly buffered: number
}

export interface TaskStatus {
  readonly id: string
  readonly topologyName: string
  readonly subTopology: number
  readonly partition: number
  /** Null while a failed task waits for its next attempt. */
  readonly state: TaskState | null
  readonly waitingFor: 'disk' | 'sink' | null
  readonly inputs: readonly InputStatus[]
  readonly processed: number
  readonly produced: number
  readonly dropped: number
  readonly late: number
  readonly quarantined: number
  readonly warnings: number
  readonly restarts: number
  readonly drops: readonly NodeDrops[]
  /** Null before the first record. */
  readonly streamTimeMs: number | null
  readonly lastCommitMs: number | null
}

export interface RuntimeTotals {
  readonly processed: number
  readonly produced: number
  readonly dropped: number
  readonly late: number
  readonly quarantined: number
  readonly warnings: number
  readonly lag: number
  /** Over the last seconds. */
  readonly recordsPerSecond: number
}

export interface RuntimeStatus {
  readonly state: 'created' | 'running' | 'stopping' | 'stopped' | 'failed'
  readonly tasks: readonly TaskStatus[]
  readonly totals: RuntimeTotals
  readonly byTopology: ReadonlyMap<string, RuntimeTotals>
}

export function totalsOf(tasks: readonly TaskStatus[], recordsPerSecond: number): RuntimeTotals {
  const totals = {
    processed: 0,
    produced: 0,
    dropped: 0,
    late: 0,
    quarantined: 0,
    warnings: 0,
    lag: 0,
  }
  for (const task of tasks) {
    totals.processed += task.processed
    totals.produced += task.produced
    totals.dropped += task.dropped
    totals.late += task.late
    totals.quarantined += task.quarantined
    totals.warnings += task.warnings
    for (const { lag } of task.inputs) totals.lag += lag
  }
  return { ...totals, recordsPerSecond }
}
