/** What an instance tells of itself at `GET /api/status`. Counts are since the start of the process. */
export interface InstanceStatus {
  readonly version: string
  readonly state: 'starting' | 'running' | 'stopping' | 'failed'
  readonly startedAtMs: number
  readonly dataDir: string
  readonly urls: InstanceUrls
  readonly topologies: readonly TopologyStatus[]
  /** Fact rows that are in the log and not yet queryable. */
  readonly sinkLag: number
  readonly quarantined: number
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

export interface TopologyStatus {
  readonly name: string
  readonly tasks: number
  readonly processed: number
  readonly recordsPerSecond: number
  /** Records in the log that the topology has not yet processed. */
  readonly lag: number
  readonly late: number
  readonly dropped: number
  readonly quarantined: number
  readonly tables: readonly TableStatus[]
}

export interface TableStatus {
  readonly name: string
  readonly rowsWritten: number
  readonly lag: number
}

/** Everything that was ingested is processed and queryable. */
export function isIdle(status: InstanceStatus): boolean {
  return (
    status.state === 'running' &&
    status.sinkLag === 0 &&
    status.topologies.every((topology) => topology.lag === 0)
  )
}
