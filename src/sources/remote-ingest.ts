/** The ingest of a running instance, for sources in another process. */
import { messageOf, TidemarkError, type ErrorCode } from '../core/errors.ts'
import {
  mayPassDetail,
  type IngestOptions,
  type IngestPort,
  type IngestRecord,
  type IngestReport,
} from './ingest-port.ts'
import { remoteRecordsType, writeRemoteRecords } from './remote-records.ts'

export interface RemoteIngestOptions {
  /** As `http://127.0.0.1:8082`. */
  readonly url: string
  /** By which the door knows who sends. */
  readonly headers?: Readonly<Record<string, string>>
}

const causesMax = 5

export class RemoteIngest implements IngestPort {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>

  constructor({ url, headers = {} }: RemoteIngestOptions) {
    this.#headers = headers
    this.#url = url.replace(/\/+$/, '')
  }

  async ingest(
    topic: string,
    records: readonly IngestRecord[],
    { onError, source }: IngestOptions,
  ): Promise<IngestReport> {
    const address = `${this.#url}/topics/${encodeURIComponent(topic)}?on_error=${onError}`
    const body = writeRemoteRecords(records, source)
    const headers = { ...this.#headers, 'content-type': remoteRecordsType }
    let response: Response
    let text: string
    try {
      response = await fetch(address, { method: 'POST', headers, body })
      // A connection may end within the answer, too.
      text = await response.text()
    } catch (cause) {
      throw this.#noAnswer(cause)
    }
    if (response.ok) return JSON.parse(text) as IngestReport
    throw failureOf(response, text)
  }

  #noAnswer(cause: unknown): TidemarkError {
    const causes = causesOf(cause)
    // Nothing listens there, so no process is left to answer; whatever else went wrong may pass.
    const isGone = causes.some((error) => codeOf(error) === 'ECONNREFUSED')
    const reasons = new Set(causes.map(reasonOf).filter((reason) => reason !== ''))
    const message = `no answer from the ingest at ${this.#url}: ${[...reasons].join(': ')}`
    const details = { [mayPassDetail]: !isGone }
    return new TidemarkError('INSTANCE_NOT_RUNNING', message, { cause, details })
  }
}

/** `fetch failed` alone says nothing: what failed is in its causes, and of several addresses in the error of each. */
function causesOf(thrown: unknown): readonly unknown[] {
  const causes: unknown[] = []
  let next = thrown
  while (next !== undefined && causes.length < causesMax) {
    causes.push(next)
    if (next instanceof AggregateError) causes.push(...(next.errors as unknown[]))
    next = next instanceof Error ? next.cause : undefined
  }
  return causes
}

function reasonOf(cause: unknown): string {
  const code = codeOf(cause)
  const message = messageOf(cause)
  return code === '' || message.includes(code) ? message : `${message} (${code})`
}

function codeOf(cause: unknown): string {
  return (cause instanceof Error && (cause as NodeJS.ErrnoException).code) || ''
}

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'ACCESS_REFUSED',
  403: 'ACCESS_REFUSED',
  404: 'TOPIC_UNKNOWN',
}

function failureOf(response: Response, text: string): TidemarkError {
  const message = messageIn(text)
  if (response.status === 429 || response.status === 503) {
    const retryAfterMs = 1000 * Number(response.headers.get('retry-after') ?? 1)
    return new TidemarkError('BACK_PRESSURE', message, { details: { retryAfterMs } })
  }
  return new TidemarkError(codes[response.status] ?? 'REQUEST_INVALID', message)
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}
