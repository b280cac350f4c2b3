/**
 * A body of lines, one JSON value each, of any length: taken in batches while it comes, each durable before
 * the one after the next is read. A refused line under `refuse` ends the request: its batch and what follows
 * are not taken, and the answer says up to which line all are; so it does where the log is away in between.
 */
import { TidemarkError } from '../../core/errors.ts'
import type { AdmissionTopic } from '../../quality/admission.ts'
import type { LocalIngest } from '../../sources/ingest-records.ts'
import type { IngestOptions, IngestRecord, IngestReport } from '../../sources/ingest-port.ts'
import { isBlank, lines, type Line } from '../../sources/lines.ts'
import {
  commonNumber,
  errorNumberOf,
  listedErrors,
  recordAnswer,
  type ListedError,
} from './ingest-answers.ts'

const batchRecordsMax = 5000
const batchBytesMax = 1024 * 1024
/** Places are listed for so many records; counts always. */
const offsetsListedMax = 10_000
const errorsListedMax = 100

export interface LinesRequest {
  readonly ingest: LocalIngest
  readonly topic: AdmissionTopic
  readonly partition: number | undefined
  readonly options: IngestOptions
  readonly recordBytesMax: number
}

export interface LinesAnswer {
  readonly status: 200 | 413 | 422
  readonly body: Record<string, unknown>
}

export async function ingestLines(
  chunks: AsyncIterable<Buffer>,
  request: LinesRequest,
): Promise<LinesAnswer> {
  const totals = new Totals()
  try {
    await sendAll(chunks, request, totals)
  } catch (thrown) {
    throw totals.interrupted(thrown)
  }
  return totals.answer(request.topic.definition.name)
}

async function sendAll(
  chunks: AsyncIterable<Buffer>,
  request: LinesRequest,
  totals: Totals,
): Promise<void> {
  let running: Promise<void> = Promise.resolve()
  const send = async (batch: readonly Line[]): Promise<void> => {
    await running
    if (totals.stopped) return
    running = ingestBatch(batch, request).then((report) => {
      totals.add(batch, report, request.options)
    })
    // Awaited before the next batch; until then a failure is not unhandled.
    running.catch(() => undefined)
  }
  let batch: Line[] = []
  let bytes = 0
  for await (const found of lines(chunks, request.recordBytesMax)) {
    for (const line of found) {
      if (isBlank(line)) continue
      batch.push(line)
      bytes += line.bytes.length
      if (batch.length < batchRecordsMax && bytes < batchBytesMax) continue
      await send(batch)
      batch = []
      bytes = 0
    }
    if (totals.stopped) break
  }
  if (batch.length > 0) await send(batch)
  await running
}

async function ingestBatch(
  batch: readonly Line[],
  { ingest, topic, partition, options, recordBytesMax }: LinesRequest,
): Promise<IngestReport> {
  const records = batch.map((line) => ({ ...recordOfLine(line, recordBytesMax), partition }))
  return ingest.ingest(topic.definition.name, records, options)
}

function recordOfLine({ bytes, length }: Line, recordBytesMax: number): IngestRecord {
  if (length <= recordBytesMax) return { content: { form: 'text', bytes } }
  const reason =
    `a line of ${length} bytes, more than recordBytesMax, ${recordBytesMax}; ` +
    'send smaller records, or raise recordBytesMax (TIDEMARK_RECORD_BYTES_MAX)'
  return {
    content: { form: 'unreadable', code: 'RECORD_TOO_LARGE', faults: [{ path: '', reason }] },
  }
}

class Totals {
  stopped = false
  #report: Omit<IngestReport, 'outcomes'> = { taken: 0, refused: 0, quarantined: 0, warnings: 0 }
  #lastLineTaken = 0
  #offsets: Record<string, unknown>[] | null = []
  readonly #errors: ListedError[] = []
  #errorNumber = 42203

  add(batch: readonly Line[], report: IngestReport, { onError }: IngestOptions): void {
    const before = this.#report
    this.#report = {
      taken: before.taken + report.taken,
      refused: before.refused + report.refused,
      quarantined: before.quarantined + report.quarantined,
      warnings: before.warnings + report.warnings,
    }
    const lineOf = (position: number) => batch[position]?.number ?? 0
    if (report.refused + report.quarantined > 0 && this.#errors.length < errorsListedMax) {
      this.#errors.push(...listedErrors(report, lineOf))
    }
    if (onError === 'refuse' && report.refused > 0) {
      this.stopped = true
      this.#errorNumber = commonNumber(
        report.outcomes.flatMap((each) => ('refusal' in each ? [each.refusal] : [])),
      )
      return
    }
    this.#lastLineTaken = batch.at(-1)?.number ?? this.#lastLineTaken
    if (this.#offsets === null) return
    if (this.#offsets.length + batch.length > offsetsListedMax) this.#offsets = null
    else this.#offsets.push(...report.outcomes.map(recordAnswer))
  }

  /** What ended the request in the middle, with where to go on. */
  interrupted(thrown: unknown): unknown {
    if (!(thrown instanceof TidemarkError) || this.#lastLineTaken === 0) return thrown
    const { code, message, details } = thrown
    const taken = `taken up to line ${this.#lastLineTaken}; go on after it`
    return new TidemarkError(code, `${message} (${taken})`, { details, cause: thrown })
  }

  answer(topic: string): LinesAnswer {
    const errors = {
      errors: this.#errors.slice(0, errorsListedMax),
      errors_total: this.#report.refused + this.#report.quarantined,
    }
    if (!this.stopped) {
      const offsets = this.#offsets === null ? {} : { offsets: this.#offsets }
      return { status: 200, body: { ...this.#report, ...errors, ...offsets } }
    }
    const taken =
      this.#lastLineTaken === 0 ? 'nothing was taken' : `taken up to line ${this.#lastLineTaken}`
    const message =
      `topic ${topic}: a line was refused, ${taken}; mend it and send the rest, ` +
      'or send with ?on_error=quarantine or ?on_error=skip'
    return {
      status: this.#errorNumber === errorNumberOf('RECORD_TOO_LARGE') ? 413 : 422,
      body: {
        error_code: this.#errorNumber,
        message,
        ...this.#report,
        last_line_taken: this.#lastLineTaken,
        ...errors,
      },
    }
  }
}
