/** One direction of a connection through a proxy. */
import type { Socket } from 'node:net'
import type { PassingRequest, RequestReader } from './request-reader.ts'

/** Of a direction; beyond it the sender is told to wait, as by any network. */
const bufferedBytesMax = 1_048_576
/** Chunks are cut to this, so that a slow line is slow evenly. */
const sliceBytesMax = 16_384
const nothing = Buffer.alloc(0)

/** Sees each request of Kafka's protocol on its way to the broker; a promise holds it, and what comes after it on
 * its connection, until that resolves. */
export type RequestWatch = (request: PassingRequest) => Promise<unknown> | undefined

/** What every connection of a proxy goes through at the moment. */
export interface Line {
  latencyMs: number
  bytesPerSecond: number
  stalled: boolean
  watch: RequestWatch | null
}

/** Null is the end of the stream. */
interface Waiting {
  readonly bytes: Buffer | null
  dueMs: number
  /** Somebody who watches holds it. */
  isHeld: boolean
}

export class Direction {
  readonly #from: Socket
  readonly #to: Socket
  readonly #line: Line
  readonly #requests: RequestReader | null
  #queue: Waiting[] = []
  #queuedBytes = 0
  /** When the line is free for the next byte. */
  #freeMs = 0
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(from: Socket, to: Socket, line: Line, requests: RequestReader | null) {
    this.#from = from
    this.#to = to
    this.#line = line
    this.#requests = requests
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => {
      this.#push(null)
      this.#passOn()
    })
    to.on('drain', () => this.#passOn())
  }

  get waitingBytes(): number {
    return this.#queuedBytes
  }

  wake(): void {
    const now = performance.now()
    for (const waiting of this.#queue) waiting.dueMs = now
    this.#freeMs = now
    this.#passOn()
  }

  /** What waits is lost, and what still comes too. */
  end(): void {
    this.stop()
    this.#from.resume()
    this.#to.end()
  }

  stop(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#queue = []
    this.#queuedBytes = 0
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return
    let start = 0
    for (const { request, end } of this.#requests?.take(chunk) ?? []) {
      const held = this.#line.watch?.(request)
      if (held === undefined) continue
      this.#slice(chunk.subarray(start, end))
      this.#hold(held)
      start = end
    }
    this.#slice(chunk.subarray(start))
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > bufferedBytesMax) this.#from.pause()
    this.#passOn()
  }

  #slice(bytes: Buffer): void {
    for (let start = 0; start < bytes.length; start += sliceBytesMax) {
      this.#push(bytes.subarray(start, start + sliceBytesMax))
    }
  }

  /** What comes next waits for it. */
  #hold(until: Promise<unknown>): void {
    const gate = { bytes: nothing, dueMs: 0, isHeld: true }
    this.#queue.push(gate)
    void until.finally(() => {
      gate.isHeld = false
      this.#passOn()
    })
  }

  #push(bytes: Buffer | null): void {
    const { latencyMs, bytesPerSecond } = this.#line
    const now = performance.now()
    const sendMs = ((bytes?.length ?? 0) / bytesPerSecond) * 1000
    this.#freeMs = Math.max(this.#freeMs, now) + sendMs
    this.#queue.push({ bytes, dueMs: this.#freeMs + latencyMs, isHeld: false })
  }

  #passOn(): void {
    clearTimeout(this.#timer)
    while (!this.#ended && !this.#line.stalled && !this.#to.writableNeedDrain) {
      const next = this.#queue[0]
      if (next === undefined || next.isHeld) break
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#passOn(), Math.ceil(waitMs))
        break
      }
      this.#queue.shift()
      if (next.bytes === null) {
        this.#to.end()
        this.#ended = true
      } else {
        this.#queuedBytes -= next.bytes.length
        this.#to.write(next.bytes)
      }
    }
    if (this.#queuedBytes <= bufferedBytesMax) this.#from.resume()
  }
}
