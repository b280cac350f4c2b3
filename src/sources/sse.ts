/**
 * A feed of server-sent events into a topic. Each event is durable before the feed's position moves beyond it;
 * a broken connection is opened again, with back-off and jitter, from the last durable event (Last-Event-ID).
 *
 *  connecting --200--> open --end, error, silence--> waiting --back-off over--> connecting
 *  connecting --204--> ended; --4xx, other content type--> SOURCE_UNREADABLE; --5xx, 429, no answer--> waiting
 */
import { pause, type Clock } from '../core/clock.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { fillHeader } from '../quality/redrive.ts'
import { EventStreamParser, type ServerSentEvent } from './event-stream.ts'
import type { IngestPort, IngestRecord, RefusalPolicy } from './ingest-port.ts'
import { RecordSender, type SenderTotals } from './record-sender.ts'

export type FeedState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'waiting'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'ended' }

export interface FeedOptions {
  readonly url: string
  readonly topic: string
  readonly ingest: IngestPort
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Absent: quarantine. */
  readonly onError?: RefusalPolicy
  /** The events that are records; others are counted. Absent: `score`. */
  readonly eventType?: string
  /** The field that takes the event's id, as HOST/ID, where the record leaves it out; null takes none.
   * Absent: `event_id`. */
  readonly identityField?: string | null
  /** Where to go on: what `onLastEventId` told before. */
  readonly lastEventId?: string
  /** All events up to this one are durable. */
  readonly onLastEventId?: (id: string) => void
  readonly onState?: (state: FeedState) => void
  readonly onProgress?: (totals: FeedTotals) => void
  readonly dataLengthMax?: number
  /** A connection that brings nothing for so long, not even a comment, is opened again. */
  readonly silenceMsMax?: number
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number
}

export interface FeedTotals extends SenderTotals {
  /** Events of other types. */
  readonly ignored: number
  readonly connections: number
}

const defaults = {
  onError: 'quarantine' as RefusalPolicy,
  eventType: 'score',
  identityField: 'event_id' as string | null,
  dataLengthMax: 1024 * 1024,
  silenceMsMax: 5 * 60_000,
  random: Math.random,
}
const retryMsDefault = 1000
const retryMsMax = 30_000

/** Resolves when the signal stops it, or the server says that there is no more (204).
 * @throws TidemarkError SOURCE_UNREADABLE where connecting again cannot help */
export function followFeed(options: FeedOptions): Promise<FeedTotals> {
  return new Feed(options).follow()
}

class Feed {
  readonly #options: FeedOptions & typeof defaults
  readonly #host: string
  readonly #sender: RecordSender
  #lastEventId: string
  #retryMs = retryMsDefault
  /** Since the last event that came. */
  #failures = 0
  #ignored = 0
  #connections = 0

  constructor(options: FeedOptions) {
    this.#options = { ...defaults, ...options }
    this.#lastEventId = options.lastEventId ?? ''
    this.#host = hostOf(options.url)
    this.#sender = new RecordSender({
      ingest: options.ingest,
      clock: options.clock,
      topic: options.topic,
      onError: this.#options.onError,
      source: 'sse',
      signal: options.signal,
    })
  }

  async follow(): Promise<FeedTotals> {
    const { signal, clock, random, onState } = this.#options
    while (!signal.aborted) {
      const reason = await this.#connect()
      if (reason === null) break
      const ceilingMs = Math.min(retryMsMax, this.#retryMs * 2 ** this.#failures)
      const delayMs = Math.round(ceilingMs * (0.5 + 0.5 * random()))
      this.#failures++
      onState?.({ kind: 'waiting', delayMs, reason })
      await pause(clock, delayMs, signal)
    }
    onState?.({ kind: 'ended' })
    return this.#totals()
  }

  /** Reads until the connection ends; why it did, or null where there is nothing more to read. */
  async #connect(): Promise<string | null> {
    const { url, signal, onState } = this.#options
    onState?.({ kind: 'connecting' })
    const connection = new AbortController()
    const abort = () => {
      connection.abort()
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      const response = await fetch(url, {
        headers: {
          accept: 'text/event-stream',
          'cache-control': 'no-store',
          ...(this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }),
        },
        signal: connection.signal,
      }).catch((thrown: unknown) => `no answer: ${causeOf(thrown)}`)
      if (typeof response === 'string') return signal.aborted ? null : response
      if (response.status === 204) return null
      const refused = refusalOf(response, url)
      if (refused !== null) return refused
      this.#connections++
      onState?.({ kind: 'open' })
      return await this.#read(response, connection)
    } finally {
      signal.removeEventListener('abort', abort)
      connection.abort()
    }
  }

  async #read(response: Response, connection: AbortController): Promise<string | null> {
    const { clock, silenceMsMax, dataLengthMax, signal } = this.#options
    const parser = new EventStreamParser(dataLengthMax, this.#lastEventId)
    const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader()
    if (reader === undefined) return 'the answer has no body'
    for (;;) {
      const cancel = clock.after(silenceMsMax, () => {
        connection.abort()
      })
      const chunk = await reader
        .read()
        .catch((thrown: unknown) => `the connection broke: ${causeOf(thrown)}`)
        .finally(cancel)
      if (signal.aborted) return null
      if (typeof chunk === 'string') return chunk
      if (chunk.done) return 'the server closed the connection'
      const events = parser.add(chunk.value)
      this.#retryMs = Math.min(retryMsMax, Math.max(1, parser.retryMs ?? this.#retryMs))
      try {
        if (events.length > 0) await this.#take(events)
      } catch (thrown) {
        // Stopped while it waited: what was not taken comes again the next time.
        if (signal.aborted as boolean) return null
        throw thrown
      }
    }
  }

  async #take(events: readonly ServerSentEvent[]): Promise<void> {
    const { eventType, onLastEventId, onProgress } = this.#options
    this.#failures = 0
    for (const event of events) {
      if (event.type === eventType) await this.#sender.add(this.#recordOf(event), event.dataLength)
      else this.#ignored++
    }
    await this.#sender.flush()
    const last = events.at(-1)?.lastEventId ?? ''
    if (last !== this.#lastEventId) {
      this.#lastEventId = last
      onLastEventId?.(last)
    }
    onProgress?.(this.#totals())
  }

  #recordOf({ data, dataLength, id }: ServerSentEvent): IngestRecord {
    const { url, identityField, dataLengthMax } = this.#options
    const location = id === null ? url : `${url}#${id}`
    if (data === null) {
      const reason = `an event of ${dataLength} characters, more than ${dataLengthMax}`
      const faults = [{ path: '', reason }]
      return { content: { form: 'unreadable', code: 'RECORD_TOO_LARGE', faults }, location }
    }
    const bytes = Buffer.from(data)
    const plain: IngestRecord = { content: { form: 'text', bytes }, location }
    if (identityField === null || id === null || id === '') return plain
    const fill = { [identityField]: `${this.#host}/${id}` }
    const headers = [[fillHeader, Buffer.from(JSON.stringify(fill))] as const]
    const original = { format: 'json', value: bytes, key: null, headers } as const
    const json = jsonObject(data)
    if (json === null) return { ...plain, original }
    const taken = (json[identityField] ?? '') === '' ? { ...json, ...fill } : json
    return { content: { form: 'json', json: taken }, location, original }
  }

  #totals(): FeedTotals {
    return {
      ...this.#sender.totals,
      ignored: this.#ignored,
      connections: this.#connections,
    }
  }
}

function hostOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new TidemarkError('SOURCE_UNREADABLE', `${url} is not an http or https address`)
  }
  return new URL(url).host
}

/** Null where the answer is a feed; why it is none, where a later answer may be.
 * @throws TidemarkError SOURCE_UNREADABLE where none will be */
function refusalOf(response: Response, url: string): string | null {
  const { status } = response
  if (status >= 500 || status === 429 || status === 408) return `the server answers ${status}`
  if (status !== 200) {
    throw new TidemarkError('SOURCE_UNREADABLE', `${url}: the server answers ${status}`)
  }
  const type = response.headers.get('content-type') ?? ''
  if (type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream') return null
  const found = type === '' ? 'no content-type' : type
  throw new TidemarkError('SOURCE_UNREADABLE', `${url}: no text/event-stream, but ${found}`)
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(text)
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    return isObject ? (json as Readonly<Record<string, unknown>>) : null
  } catch {
    return null
  }
}

/** `fetch failed` says nothing; what it wraps does. */
function causeOf(thrown: unknown): string {
  const { cause } = thrown as { cause?: unknown }
  return messageOf(cause ?? thrown)
}
