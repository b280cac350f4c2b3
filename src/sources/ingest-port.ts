/** Records into a topic: what every source hands over, and what it hears back. */
import type { ErrorCode } from '../core/errors.ts'
import type { Place } from '../quality/outgoing-records.ts'
import type { Candidate } from '../quality/admission.ts'
import type { QuarantineLevel, QuarantineSource, RecordFormat } from '../quality/quarantine.ts'
import type { Headers } from '../core/record.ts'
import type { Fault } from '../schema/faults.ts'

/** What is kept of a record that is refused. */
export interface Original {
  readonly format: RecordFormat
  /** Null where it is too large to be kept: then the location says where it still is. */
  readonly value: Buffer | null
  readonly key: Buffer | null
  readonly headers?: Headers
}

export interface IngestRecord extends Candidate {
  /** Must be the key's own partition where the topic derives keys. */
  readonly partition?: number | undefined
  /** `file:line` or an address. */
  readonly location?: string | undefined
  /** Absent: the content as it came. A function is asked where the record is refused. */
  readonly original?: Original | (() => Original) | undefined
}

/**
 * What happens to a batch with records that are refused.
 *  `refuse`      nothing of the batch is taken;
 *  `quarantine`  the good ones are taken, the bad ones kept in quarantine, in one write;
 *  `skip`        the good ones are taken, the bad ones answered and counted.
 */
export const refusalPolicies = ['refuse', 'quarantine', 'skip'] as const
export type RefusalPolicy = (typeof refusalPolicies)[number]

export interface IngestOptions {
  readonly onError: RefusalPolicy
  readonly source: QuarantineSource
}

export interface RecordRefusal {
  readonly code: ErrorCode
  readonly check: string
  readonly level: QuarantineLevel
  readonly faults: readonly Fault[]
}

export type RecordOutcome =
  | { readonly outcome: 'taken'; readonly place: Place }
  /** Good, but another record of its batch was refused and the policy is `refuse`. */
  | { readonly outcome: 'held' }
  | { readonly outcome: 'refused'; readonly refusal: RecordRefusal }
  | { readonly outcome: 'quarantined'; readonly refusal: RecordRefusal; readonly id: string }

export interface IngestReport {
  /** One for each record, in their order. */
  readonly outcomes: readonly RecordOutcome[]
  readonly taken: number
  readonly refused: number
  readonly quarantined: number
  readonly warnings: number
}

/** True in the details of an error whose code says refuse, where the way there broke and the same call may get through. */
export const mayPassDetail = 'mayPass'

export interface IngestPort {
  /** What is reported as taken or quarantined is durable.
   * @throws TidemarkError TOPIC_UNKNOWN | BACK_PRESSURE | DISK_FULL */
  ingest(
    topic: string,
    records: readonly IngestRecord[],
    options: IngestOptions,
  ): Promise<IngestReport>
}
