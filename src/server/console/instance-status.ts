import type { SkippedRecords } from '../../core/skipped-records.ts'
import type { LatestScores } from '../../jobs/quality/quality-store.ts'
import type { RestoreStatus, StandbyStatus } from '../../runtime/runtime-status.ts'

/** What an instance tells of itself at `GET /api/status`. Counts are since the start of the process. */
export interface InstanceStatus {
  readonly version: string
  readonly profile: 'embedded' | 'cluster'
  readonly state: 'starting' | 'running' | 'stopping' | 'failed'
  /** It has joined its groups, and every task that was given to it runs: it can be counted on. */
  readonly isReady: boolean
  readonly startedAtMs: number
  readonly dataDir: string
  readonly urls: InstanceUrls
  /** Null where the instance is the only one. */
  readonly member: MemberStatus | null
  readonly topologies: readonly TopologyStatus[]
  readonly tasks: readonly InstanceTask[]
  /** Copies of the state of tasks that run elsewhere. */
  readonly standbys: readonly StandbyStatus[]
  /** Stores that are brought up to their changelogs, with progress, rate and time left. */
  readonly restoring: readonly RestoreStatus[]
  /** How the stores of the tasks that run here were brought up. */
  readonly restored: readonly RestoreStatus[]
  readonly ingest: readonly IngestStatus[]
  /** What the log removed before it was read: lost to its reader. Empty while all is well. */
  readonly skips: readonly SkippedStatus[]
  /** Fact rows that are in the log and not yet queryable. */
  readonly sinkLag: number
  readonly quarantined: number
  /** Records that a door refused and did not keep: their senders were told why. */
  readonly refused: number
  readonly residentBytes: number
  readonly alerts: AlertsStatus
  /** Of the last check over all topologies; null before the first. */
  readonly quality: LatestScores | null
  /** Why the instance waits or has stopped; null while all is well. */
  readonly trouble: string | null
}

/** How the instance is known to the others of its application. */
export interface MemberStatus {
  readonly applicationId: string
  readonly instanceId: string
  /** Of a static member. */
  readonly groupInstanceId: string | null
  /** Where others reach its interactive queries; null where they do not. */
  readonly endpoint: string | null
  readonly brokers: readonly string[]
}

export interface InstanceTask {
  readonly id: string
  /** Null while a failed task waits for its next attempt. */
  readonly state: string | null
  readonly waitingFor: string | null
  readonly lag: number
}

export interface InstanceUrls {
  readonly console: string
  readonly registry: string
  readonly ingest: string
  readonly clickhouse: string
}

/** What came to the doors for one topic. */
export interface IngestStatus {
  readonly topic: string
  readonly taken: number
  readonly refused: number
  readonly quarantined: number
  /** Checks of level Warning that failed; their records were taken. */
  readonly warnings: number
}

export interface TopologyStatus {
  readonly name: string
  /** `rebalancing` from when its group begins to share out anew until this member has its part. */
  readonly group: 'joining' | 'rebalancing' | 'stable'
  readonly tasks: number
  readonly processed: number
  readonly recordsPerSecond: number
  /** Records in the log that the topology has not yet processed. */
  readonly lag: number
  readonly late: number
  readonly dropped: number
  /** Events that had been processed before, and versions older than what is known: without effect. */
  readonly duplicates: number
  /** Places of events that were erased, as each source meets them. */
  readonly erased: number
  /** Nodes whose function threw on records, which their error policy then left out; those are in `dropped` too. */
  readonly failures: readonly FailureStatus[]
  readonly quarantined: number
  /** Checks of level Warning that failed; their records went on. */
  readonly warnings: number
  /** Offsets of its input that the log removed before they were processed; `skips` has where. */
  readonly skipped: number
  /** Offsets of its facts that the log removed before they were written. */
  readonly factsSkipped: number
  /** Versions of rows that went to ClickHouse. */
  readonly rowsWritten: number
  /** Tables of its facts that ClickHouse had lost while the instance ran, and that were made anew. */
  readonly tablesMadeAnew: number
  readonly tables: readonly TableStatus[]
}

export interface FailureStatus {
  readonly node: string
  readonly count: number
  /** What the last one failed with. */
  readonly last: string
}

export interface SkippedStatus extends SkippedRecords {
  /** Who was to read it: a topology, or `<topology>-clickhouse`, which writes its facts. */
  readonly group: string
}

export interface TableStatus {
  readonly name: string
  /** Rows in the log that are not yet queryable. */
  readonly lag: number
}

export interface AlertsStatus {
  /** What is an alert now, told or about to be. */
  readonly firing: readonly FiringAlert[]
  /** Where alerts are sent; empty where nobody has set up a channel. */
  readonly channels: readonly ChannelStatus[]
}

export interface FiringAlert {
  readonly name: string
  /** Which of its name: topology, group, node, topic, job or check. */
  readonly labels: Readonly<Record<string, string>>
  readonly what: string
  readonly mend: string
  readonly sinceMs: number
}

/** Counts are of messages but for `retries`. */
export interface ChannelStatus {
  readonly name: string
  /** Without what is secret of it. */
  readonly target: string
  readonly delivered: number
  /** Refused for good, or after the last attempt. */
  readonly failed: number
  /** Not tried: too many waited, or the process ended. */
  readonly dropped: number
  /** Attempts after the first. */
  readonly retries: number
  readonly waiting: number
  /** What the last attempt failed with; null where it did not. */
  readonly trouble: string | null
}
