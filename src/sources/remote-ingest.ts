/** The ingest of a running instance, for sources in another process. */
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { IngestOptions, IngestPort, IngestRecord, IngestReport } from './ingest-port.ts'
import { remoteRecordsType, writeRemoteRecords } from './remote-records.ts'

export interface RemoteIngestOptions {
  /** As `http://127.0.0.1:8082`. */
  readonly url: string
}

export class RemoteIngest implements IngestPort {
  readonly #url: string

  constructor({ url }: RemoteIngestOptions) {
    this.#url = url.replace(/\/+$/, '')
  }

  async ingest(
    topic: string,
    records: readonly IngestRecord[],
    { onError, source }: IngestOptions,
  ): Promise<IngestReport> {
    const address = `${this.#url}/topics/${encodeURIComponent(topic)}?on_error=${onError}`
    let response: Response
    try {
      response = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': remoteRecordsType },
        body: writeRemoteRecords(records, source),
      })
    } catch (cause) {
      const message = `no answer from the ingest at ${this.#url}: ${messageOf(cause)}`
      throw new TidemarkError('INSTANCE_NOT_RUNNING', message, { cause })
    }
    const text = await response.text()
    if (response.ok) return JSON.parse(text) as IngestReport
    throw failureOf(response, text)
  }
}

function failureOf(response: Response, text: string): TidemarkError {
  const message = messageIn(text)
  if (response.status === 429 || response.status === 503) {
    const retryAfterMs = 1000 * Number(response.headers.get('retry-after') ?? 1)
    return new TidemarkError('BACK_PRESSURE', message, { details: { retryAfterMs } })
  }
  return new TidemarkError(response.status === 404 ? 'TOPIC_UNKNOWN' : 'REQUEST_INVALID', message)
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}
