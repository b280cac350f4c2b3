/**
 * Records into a topic in batches, one batch under way while the next is gathered. Back-pressure, a full disk and a
 * connection that broke are waited for; what was sent twice because an answer was lost changes nothing, since events have ids.
 */
import { pause, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { describeFaults } from '../schema/faults.ts'
import {
  mayPassDetail,
  type IngestOptions,
  type IngestPort,
  type IngestRecord,
  type IngestReport,
} from './ingest-port.ts'

export interface SenderOptions extends IngestOptions {
  readonly ingest: IngestPort
  readonly clock: Clock
  readonly topic: string
  readonly signal?: AbortSignal | undefined
  readonly batchRecordsMax?: number
  readonly batchBytesMax?: number
  /** How long one batch is tried before its failure counts. */
  readonly retryForMsMax?: number
  /** After each batch that is durable. */
  readonly onBatch?: (records: readonly IngestRecord[], report: IngestReport) => void
}

export interface SenderTotals {
  readonly taken: number
  readonly refused: number
  readonly quarantined: number
  readonly warnings: number
  /** The first few, with their places. */
  readonly firstRefusals: readonly string[]
}

const defaults = {
  batchRecordsMax: 5000,
  batchBytesMax: 2 * 1024 * 1024,
  retryForMsMax: 10 * 60_000,
}
const firstRefusalsMax = 10
const retryDelayMs = { first: 50, most: 5000 }

export class RecordSender {
  readonly #options: SenderOptions & typeof defaults
  #batch: IngestRecord[] = []
  #bytes = 0
  #running: Promise<void> = Promise.resolve()
  #totals: SenderTotals = { taken: 0, refused: 0, quarantined: 0, warnings: 0, firstRefusals: [] }

  constructor(options: SenderOptions) {
    this.#options = { ...defaults, ...options }
  }

  /** @param bytes about how much the record holds in memory */
  add(record: IngestRecord, bytes: number): Promise<void> | undefined {
    this.#batch.push(record)
    this.#bytes += bytes
    const { batchRecordsMax, batchBytesMax } = this.#options
    return this.#batch.length >= batchRecordsMax || this.#bytes >= batchBytesMax
      ? this.#queue()
      : undefined
  }

  /** Resolves when everything added so far is durable; more may be added meanwhile. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) void this.#queue()
    await this.#running
  }

  get totals(): SenderTotals {
    return this.#totals
  }

  /** The batch goes behind the one under way. @returns when its turn has come: so one waits at most */
  #queue(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    const before = this.#running
    this.#running = before.then(() => this.#deliver(batch))
    // Awaited before the next batch; until then a failure is not unhandled.
    this.#running.catch(() => undefined)
    return before
  }

  async #deliver(batch: readonly IngestRecord[]): Promise<void> {
    const report = await this.#tryUntilTaken(batch)
    this.#count(batch, report)
    if (this.#options.onError === 'refuse' && report.refused > 0) {
      const first = this.#totals.firstRefusals[0] ?? ''
      const { topic } = this.#options
      throw new TidemarkError(
        'REQUEST_INVALID',
        `topic ${topic}: ${first}; this batch and what follows was not taken`,
      )
    }
    this.#options.onBatch?.(batch, report)
  }

  async #tryUntilTaken(batch: readonly IngestRecord[]): Promise<IngestReport> {
    const { ingest, clock, topic, onError, source, retryForMsMax, signal } = this.#options
    const untilMs = clock.monotonicMs() + retryForMsMax
    for (let delayMs = retryDelayMs.first; ; delayMs = Math.min(retryDelayMs.most, 2 * delayMs)) {
      if (signal?.aborted === true) throw stopped(topic)
      try {
        return await ingest.ingest(topic, batch, { onError, source })
      } catch (thrown) {
        if (!mayPass(thrown) || clock.monotonicMs() >= untilMs) throw thrown
        const asked = thrown.details['retryAfterMs']
        await pause(clock, typeof asked === 'number' ? asked : delayMs, signal)
      }
    }
  }

  #count(batch: readonly IngestRecord[], report: IngestReport): void {
    const before = this.#totals
    const firstRefusals = [...before.firstRefusals]
    if (report.refused + report.quarantined > 0) {
      for (const [index, outcome] of report.outcomes.entries()) {
        if (firstRefusals.length >= firstRefusalsMax) break
        if (!('refusal' in outcome)) continue
        const place = batch[index]?.location ?? `record ${index}`
        firstRefusals.push(`${place}: ${describeFaults(outcome.refusal.faults)}`)
      }
    }
    this.#totals = {
      taken: before.taken + report.taken,
      refused: before.refused + report.refused,
      quarantined: before.quarantined + report.quarantined,
      warnings: before.warnings + report.warnings,
      firstRefusals,
    }
  }
}

function mayPass(thrown: unknown): thrown is TidemarkError {
  if (!(thrown instanceof TidemarkError)) return false
  return thrown.reaction === 'retry' || thrown.details[mayPassDetail] === true
}

function stopped(topic: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', `stopped while records of topic ${topic} were sent`)
}
