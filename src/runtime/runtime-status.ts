/** What the runtime tells of itself. Counts are since the start of the process; times are milliseconds. */
import type { TopicName, TopicPartition } from '../core/record.ts'
import type { SkippedRecords } from '../core/skipped-records.ts'
import type { ForeignOffset } from './offset-metadata.ts'
import type { NodeDrops } from './task-metrics.ts'
import type { TaskState } from './task-lifecycle.ts'

/** What a task waits for outside this process. */
export type WaitingFor = 'disk' | 'sink' | 'kafka'

/** Where a partition ended, and when. */
export interface SeenEnd {
  readonly offset: number
  /** As `Clock.nowMs`. */
  readonly atMs: number
}

export interface InputStatus extends TopicPartition {
  readonly position: number
  /** What is before it is processed, and committed with what came of it. */
  readonly committed: number
  readonly buffered: number
  /** As the task has last seen it; null before. */
  readonly end: SeenEnd | null
}

/** What a task has counted. */
export interface TaskCounts {
  readonly processed: number
  readonly produced: number
  readonly dropped: number
  readonly late: number
  readonly quarantined: number
  readonly warnings: number
  readonly drops: readonly NodeDrops[]
  /** Offsets of input that the log removed before it was processed: by partition, and in all. */
  readonly skips: readonly SkippedRecords[]
  readonly skipped: number
}

export interface TaskStatus extends TaskCounts {
  readonly id: string
  readonly topologyName: string
  readonly subTopology: number
  readonly partition: number
  /** Null while a failed task waits for its next attempt. */
  readonly state: TaskState | null
  readonly waitingFor: WaitingFor | null
  readonly inputs: readonly InputStatus[]
  readonly restarts: number
  /** Null before the first record. */
  readonly streamTimeMs: number | null
  readonly lastCommitMs: number | null
  /** How long it took from when the task was given to this process until it ran; null before that. */
  readonly handOverMs: number | null
  /** Offsets that it went on from with metadata that is none of ours. */
  readonly foreignOffsets: readonly ForeignOffset[]
}

export interface MeasuredTask extends TaskStatus {
  /** Records in the log that are not processed and committed, as far as is known at the moment (`input-lag.ts`). */
  readonly lag: number
}

/** Why a store is restored from the start of its changelog. */
export type RestoreReason =
  | 'no local state'
  | 'local state without a checkpoint'
  | 'checkpoint beyond the end of the changelog'
  | 'checkpoint before the start of the changelog'
  | 'checkpoint of a topic that was deleted and made anew'
  | 'checkpoint older than the deletes that the changelog keeps'

/** A store whose state was not what its changelog says. */
export interface WipedStore {
  readonly taskId: string
  /** As the backend calls it: `<topology>.<store>`. */
  readonly store: string
  readonly topic: TopicName
  readonly reason: RestoreReason
}

/** A store that is brought up to its changelog. */
export interface RestoreStatus {
  readonly taskId: string
  /** As the backend calls it: `<topology>.<store>`. */
  readonly store: string
  readonly topic: string
  /** Null where only the tail is read. */
  readonly fromScratch: RestoreReason | null
  /** Records applied so far. */
  readonly restored: number
  /** Offsets passed, and to pass in all; more than records where compaction has left gaps. */
  readonly offsetsDone: number
  readonly offsetsTotal: number
  readonly recordsPerSecond: number
  /** Null before there is a rate. */
  readonly remainingMs: number | null
}

/** A task whose state follows its changelogs while another instance runs it. */
export interface StandbyStatus {
  readonly taskId: string
  /** Changelog offsets that are not applied yet; null before the first look. */
  readonly lag: number | null
}

/** Of the tasks that run here and of those that have: no count ever falls. */
export interface RuntimeTotals extends TaskCounts {
  /** Of the tasks that run here, with what stands in added partitions. */
  readonly lag: number
  /** Over the last seconds. */
  readonly recordsPerSecond: number
}

/** A source topic was given more partitions while a topology reads it: nothing reads those. */
export interface AddedPartitions {
  readonly topologyName: string
  readonly subTopology: number
  readonly topic: TopicName
  /** With how many the topology has started. */
  readonly known: number
  readonly now: number
  /** Committed records in the added ones. */
  readonly unread: number
  /** Of reading them: keys that have moved there have left their state behind; or there is none; or each task would
   * read them all. */
  readonly effect: 'keys-move' | 'stateless' | 'broadcast'
}

export interface RuntimeStatus {
  readonly state: 'created' | 'running' | 'stopping' | 'stopped' | 'failed'
  readonly tasks: readonly MeasuredTask[]
  readonly totals: RuntimeTotals
  readonly byTopology: ReadonlyMap<string, RuntimeTotals>
  /** By store; empty where the log shares its storage with the state. */
  readonly restoring: readonly RestoreStatus[]
  /** How the stores of the running tasks were brought up when these were started. */
  readonly restored: readonly RestoreStatus[]
  readonly standbys: readonly StandbyStatus[]
  /** As of the last look. */
  readonly addedPartitions: readonly AddedPartitions[]
}
