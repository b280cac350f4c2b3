/** What bounds retention and compaction. */
export interface MaintenanceOptions {
  /** How long a tombstone is kept, after its timestamp, for readers that have seen its key. Default a day. */
  readonly tombstoneRetentionMs: number
  /** Compaction begins where at least this part of the records is new since the last. Default 0.5. */
  readonly dirtyRatioMin: number
  /** … and at least so many are. Default 1,000. */
  readonly dirtyRecordsMin: number
  /** Keys that one compaction pass holds in memory; more take more passes. Default 200,000. */
  readonly passKeysMax: number
  /** What one step reads, roughly. Default 8 MiB. */
  readonly stepBytesMax: number
}

export const maintenanceDefaults: MaintenanceOptions = {
  tombstoneRetentionMs: 24 * 3600 * 1000,
  dirtyRatioMin: 0.5,
  dirtyRecordsMin: 1000,
  passKeysMax: 200_000,
  stepBytesMax: 8 * 1024 * 1024,
}
