/**
 * Every expected failure, in one table: its code, what the runtime does about it, and the exit code of a
 * command that ends with it. `docs/errors.md` lists the same codes; a test keeps the two equal.
 */
export type Reaction =
  /** Refuse to start, or stop the process: a person must mend something. */
  | 'stop'
  /** Keep the record with its reason in quarantine and go on. */
  | 'quarantine'
  /** Answer the caller with an error; nothing was taken. */
  | 'refuse'
  /** Wait, then try again; bounded. */
  | 'retry'
  /** Give up the task; another attempt restores it from the log. */
  | 'restart-task'

export const errorTable = {
  CONFIGURATION_INVALID: 'stop',
  TOPOLOGY_INVALID: 'stop',
  DATA_DIR_IN_USE: 'stop',
  DATA_DIR_NEWER: 'stop',
  DATA_DIR_CORRUPT: 'stop',
  PORT_IN_USE: 'stop',
  DISK_FULL: 'retry',
  TOPIC_UNKNOWN: 'refuse',
  TOPIC_MISMATCH: 'stop',
  PARTITION_UNKNOWN: 'refuse',
  OFFSET_OUT_OF_RANGE: 'stop',
  RECORD_TOO_LARGE: 'refuse',
  REQUEST_TOO_LARGE: 'refuse',
  REQUEST_INVALID: 'refuse',
  ACCESS_REFUSED: 'refuse',
  BACK_PRESSURE: 'retry',
  KAFKA_UNREACHABLE: 'retry',
  KAFKA_REFUSED: 'stop',
  GROUP_ACTIVE: 'refuse',
  PRODUCER_FENCED: 'restart-task',
  TRANSACTION_ABORTED: 'restart-task',
  AVRO_CORRUPT: 'quarantine',
  FRAME_INVALID: 'quarantine',
  SCHEMA_ID_UNKNOWN: 'quarantine',
  SCHEMA_REFUSED: 'quarantine',
  KEY_MISSING: 'quarantine',
  KEY_MISPLACED: 'quarantine',
  KEY_MISMATCH: 'quarantine',
  JSON_INVALID: 'quarantine',
  CHECK_FAILED: 'quarantine',
  SCHEMA_INCOMPATIBLE: 'refuse',
  SCHEMA_INVALID: 'refuse',
  SUBJECT_UNKNOWN: 'refuse',
  REGISTRY_UNREACHABLE: 'retry',
  PROCESSING_FAILED: 'stop',
  STORE_KEY_NOT_LOADED: 'stop',
  STORE_ORPHANED: 'stop',
  RESET_UNFINISHED: 'stop',
  PARAMETERS_CHANGED: 'stop',
  RESTORE_FAILED: 'restart-task',
  SINK_UNAVAILABLE: 'retry',
  SINK_REFUSED: 'stop',
  SOURCE_UNREADABLE: 'refuse',
  INSTANCE_NOT_RUNNING: 'refuse',
  QUERY_FAILED: 'refuse',
  JOB_UNKNOWN: 'refuse',
  JOB_RUNNING: 'refuse',
  JOB_INTERRUPTED: 'refuse',
  LAKE_UNREACHABLE: 'retry',
  LAKE_REFUSED: 'refuse',
  LAKE_BUSY: 'refuse',
  LAKE_DAMAGED: 'refuse',
} as const satisfies Record<string, Reaction>

export type ErrorCode = keyof typeof errorTable

export interface ErrorDetails {
  readonly [name: string]: string | number | boolean | null
}

/** An expected failure. The message names what failed, where, and how to mend it. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }

  get reaction(): Reaction {
    return errorTable[this.code]
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
