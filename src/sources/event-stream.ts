/**
 * Server-sent events out of bytes: the parser of the WHATWG HTML standard, section 9.2.6. UTF-8 with an optional
 * BOM; lines end in LF, CR or CRLF, also where a chunk ends between the two; an event that the end of the stream
 * cuts off is none.
 */

export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string
  /** Null where it is larger than may be held; `dataLength` says how large. */
  readonly data: string | null
  /** In UTF-16 units. */
  readonly dataLength: number
  /** The event's own; null where it brings none. */
  readonly id: string | null
  /** The stream's, after this event: what a reconnecting client sends. */
  readonly lastEventId: string
}

export class EventStreamParser {
  readonly #dataLengthMax: number
  readonly #decoder = new TextDecoder('utf-8')
  /** The start of a line that goes on in the next chunk. */
  #rest = ''
  #restDropped = 0
  #endedInReturn = false
  #type = ''
  #data: string[] = []
  #dataLength = 0
  #ownId: string | null = null
  #lastEventId: string
  /** How long the server asks clients to wait before they reconnect, milliseconds. */
  retryMs: number | null = null

  constructor(dataLengthMax: number, lastEventId = '') {
    this.#dataLengthMax = dataLengthMax
    this.#lastEventId = lastEventId
  }

  add(chunk: Uint8Array): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = []
    let text = this.#decoder.decode(chunk, { stream: true })
    if (this.#endedInReturn && text !== '') {
      if (text.startsWith('\n')) text = text.slice(1)
      this.#endedInReturn = false
    }
    const ends = /\r\n?|\n/g
    let from = 0
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      this.#line(this.#rest + text.slice(from, end.index), events)
      this.#rest = ''
      this.#restDropped = 0
      from = end.index + end[0].length
      if (end[0] === '\r' && from === text.length) this.#endedInReturn = true
    }
    this.#keep(text.slice(from))
    return events
  }

  /** A line beyond the limit is counted on, not held. */
  #keep(text: string): void {
    // Room for `data: ` before the data, and for one unit more, which tells that it is too long.
    const room = this.#dataLengthMax + 8 - this.#rest.length
    this.#rest += text.slice(0, Math.max(0, room))
    this.#restDropped += Math.max(0, text.length - Math.max(0, room))
  }

  #line(line: string, events: ServerSentEvent[]): void {
    if (line === '') return this.#dispatch(events)
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon === -1 ? line : line.slice(0, colon)
    const rest = colon === -1 ? '' : line.slice(colon + 1)
    this.#field(field, rest.startsWith(' ') ? rest.slice(1) : rest)
  }

  #field(field: string, value: string): void {
    switch (field) {
      case 'event':
        this.#type = value
        return
      case 'data':
        this.#dataLength += value.length + this.#restDropped + (this.#data.length > 0 ? 1 : 0)
        // One empty line stays, so that the event is still seen to have data.
        if (this.#dataLength <= this.#dataLengthMax) this.#data.push(value)
        else this.#data = ['']
        return
      case 'id':
        if (!value.includes('\0')) {
          this.#ownId = value
          this.#lastEventId = value
        }
        return
      case 'retry':
        if (/^\d+$/.test(value)) this.retryMs = Number(value)
    }
  }

  #dispatch(events: ServerSentEvent[]): void {
    const hasData = this.#data.length > 0 && this.#dataLength > 0
    if (hasData) {
      events.push({
        type: this.#type === '' ? 'message' : this.#type,
        data: this.#dataLength > this.#dataLengthMax ? null : this.#data.join('\n'),
        dataLength: this.#dataLength,
        id: this.#ownId,
        lastEventId: this.#lastEventId,
      })
    }
    this.#type = ''
    this.#data = []
    this.#dataLength = 0
    this.#ownId = null
  }
}
