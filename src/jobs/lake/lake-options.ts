/** What the jobs of a lake work on. */
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { ValueCodec } from '../../core/serde.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { Log } from '../../log/log.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import type { Compression } from '../../sinks/lake/lake-file.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import type { LakeLock } from './lake-lock.ts'
import type { Dataset, RetentionDays } from './places.ts'
import type { StorageClasses } from './storage-classes.ts'

/** A table whose current rows are written. */
export interface LakeTable extends Dataset {
  readonly database: string
  readonly table: string
  readonly keyColumns: readonly string[]
  /** Columns of type String that hold bytes, and no text. */
  readonly bytesColumns: ReadonlySet<string>
}

/** A topic whose records are written. */
export interface LakeTopic extends Dataset {
  readonly layer: 'raw'
  readonly definition: TopicDefinition
  readonly codec: ValueCodec<unknown>
}

export interface LakeOptions {
  /** Null: this instance has no lake. Opened for each run, and closed at its end. */
  readonly openStorage: (() => Promise<LakeStorage>) | null
  readonly clickhouse: ClickHouse
  readonly log: Log
  readonly clock: Clock
  readonly tables: readonly LakeTable[]
  readonly topics: readonly LakeTopic[]
  readonly retentionDays: RetentionDays
  readonly classes: StorageClasses
  /** By class of storage, of `DIRECTORY` too: what a GiB costs a month, in whatever currency. */
  readonly pricePerGibMonth: ReadonlyMap<string, number>
  readonly compression: Compression
  readonly fileBytesMax: number
  readonly productVersion: string
  /** This instance, as others are told of it. */
  readonly holder: string
}

/** An open lake within a run. */
export interface LakeRun extends Omit<LakeOptions, 'openStorage'> {
  readonly storage: LakeStorage
  readonly signal: AbortSignal
}

export interface WritingRun extends LakeRun {
  readonly lock: Pick<LakeLock, 'check'>
}

/** @throws TidemarkError CONFIGURATION_INVALID where there is no lake */
export async function withLake<T>(
  options: LakeOptions,
  signal: AbortSignal,
  use: (run: LakeRun) => Promise<T>,
): Promise<T> {
  if (options.openStorage === null) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      'there is no lake: set lake.location to a directory, s3://bucket/prefix or gs://bucket/prefix',
    )
  }
  const storage = await options.openStorage()
  try {
    return await use({ ...options, storage, signal })
  } finally {
    await storage.close()
  }
}
