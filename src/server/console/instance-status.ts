/** What an instance tells of itself at `GET /api/status`. Counts are since the start of the process. */
export interface InstanceStatus {
  readonly version: string
  readonly state: 'starting' | 'running' | 'stopping' | 'failed'
  readonly startedAtMs: number
  readonly dataDir: string
  readonly urls: InstanceUrls
  readonly topologies: readonly TopologyStatus[]
  readonly ingest: readonly IngestStatus[]
  /** Fact rows that are in the log and not yet queryable. */
  readonly sinkLag: number
  readonly quarantined: number
  /** Records that a door refused and did not keep: their senders were told why. */
  readonly refused: number
  readonly residentBytes: number
  /** Why the instance waits or has stopped; null while all is well. */
  readonly trouble: string | null
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
  readonly tasks: number
  readonly processed: number
  readonly recordsPerSecond: number
  /** Records in the log that the topology has not yet processed. */
  readonly lag: number
  readonly late: number
  readonly dropped: number
  /** Events that had been processed before, and versions older than what is known: without effect. */
  readonly duplicates: number
  readonly quarantined: number
  /** Checks of level Warning that failed; their records went on. */
  readonly warnings: number
  /** Versions of rows that went to ClickHouse. */
  readonly rowsWritten: number
  readonly tables: readonly TableStatus[]
}

export interface TableStatus {
  readonly name: string
  /** Rows in the log that are not yet queryable. */
  readonly lag: number
}
