/** The ingest of a running instance, for sources in another process. */
import { TidemarkError, type ErrorCode } from '../core/errors.ts'
import type { IngestOptions, IngestPort, IngestRecord, IngestReport } from './ingest-port.ts'
import { noAnswer } from './no-answer.ts'
import { remoteRecordsType, writeRemoteRecords } from './remote-records.ts'

export interface RemoteIngestOptions {
  /** As `http://127.0.0.1:8082`. */
  readonly url: string
  /** By which the door knows who sends. */
  readonly headers?: Readonly<Record<string, string>>
}

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
      throw noAnswer(`the ingest at ${this.#url}`, cause)
    }
    if (response.ok) return JSON.parse(text) as IngestReport
    throw failureOf(response, text)
  }
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
