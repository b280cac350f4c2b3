/**
 * A TCP proxy that fails on demand: what lies between an instance and a broker when a network is bad.
 *
 * One connection is two directions. Each passes its chunks on in order; a chunk waits for the latency and for the
 * bandwidth that hold when it arrives. Nothing passes while the proxy is stalled, and nothing is lost by that.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'

const host = '127.0.0.1'
/** Of a direction; beyond it the sender is told to wait, as by any network. */
const bufferedBytesMax = 1_048_576
/** Chunks are cut to this, so that a slow line is slow evenly. */
const sliceBytesMax = 16_384

export interface TcpProxyOptions {
  readonly targetPort: number
  /** Default: a free one. */
  readonly port?: number
}

export async function openTcpProxy({ targetPort, port = 0 }: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new TcpProxy(targetPort)
  await proxy.listen(port)
  return proxy
}

export class TcpProxy {
  readonly #targetPort: number
  readonly #links = new Set<Link>()
  readonly #line: Line = { latencyMs: 0, bytesPerSecond: Infinity, stalled: false }
  #server: Server | undefined
  #port = 0

  constructor(targetPort: number) {
    this.#targetPort = targetPort
  }

  get port(): number {
    return this.#port
  }

  get connectionCount(): number {
    return this.#links.size
  }

  /** Taken, and not passed on yet. */
  get waitingBytes(): number {
    return [...this.#links].reduce((sum, link) => sum + link.waitingBytes, 0)
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#link(client))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Resets every connection (RST) in whatever it is doing; new ones are served. */
  cut(): void {
    for (const link of this.#links) link.destroy()
  }

  /** New connections are refused; those that are open go on. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    // `close` calls back when the last connection is gone; that nobody listens holds at once.
    server?.close()
  }

  /** After `refuse`: on the same port again. */
  async accept(): Promise<void> {
    if (this.#server === undefined) await this.listen(this.#port)
  }

  /** Everything comes that much later, each way. */
  delay(latencyMs: number): void {
    this.#line.latencyMs = latencyMs
  }

  /** Each direction of each connection carries that much. */
  throttle(bytesPerSecond: number): void {
    this.#line.bytesPerSecond = bytesPerSecond
  }

  /** A partition that nobody is told of: connections stay open, and no byte passes until `heal`. */
  stall(): void {
    this.#line.stalled = true
  }

  /** Ends the direction from the brokers (FIN): clients can still send, and hear nothing more. */
  halfClose(): void {
    for (const link of this.#links) link.endTowardsClient()
  }

  /** As at the start; connections that were cut or half-closed stay so. */
  async heal(): Promise<void> {
    Object.assign(this.#line, { latencyMs: 0, bytesPerSecond: Infinity, stalled: false })
    for (const link of this.#links) link.wake()
    await this.accept()
  }

  async close(): Promise<void> {
    this.cut()
    await this.refuse()
  }

  #link(client: Socket): void {
    const link = new Link(
      client,
      connect({ port: this.#targetPort, host, allowHalfOpen: true }),
      this.#line,
    )
    this.#links.add(link)
    link.onClosed = () => this.#links.delete(link)
  }
}

/** What every connection of a proxy goes through at the moment. */
interface Line {
  latencyMs: number
  bytesPerSecond: number
  stalled: boolean
}

class Link {
  onClosed: () => void = () => undefined
  readonly #sockets: readonly Socket[]
  readonly #towardsClient: Direction
  readonly #towardsTarget: Direction

  constructor(client: Socket, target: Socket, line: Line) {
    this.#sockets = [client, target]
    this.#towardsTarget = new Direction(client, target, line)
    this.#towardsClient = new Direction(target, client, line)
    for (const socket of this.#sockets) {
      socket.setNoDelay(true)
      // A side that failed or ended both ways takes the other with it.
      socket.on('error', () => this.destroy())
      socket.on('close', () => {
        if (this.#sockets.every(({ destroyed }) => destroyed)) this.onClosed()
        else if (socket.errored !== null) this.destroy()
      })
    }
  }

  get waitingBytes(): number {
    return this.#towardsClient.waitingBytes + this.#towardsTarget.waitingBytes
  }

  destroy(): void {
    for (const socket of this.#sockets) {
      // Node never closes a socket that is reset while it ends, and then spins at the end of the process.
      if (socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
    for (const direction of [this.#towardsClient, this.#towardsTarget]) direction.stop()
    this.onClosed()
  }

  endTowardsClient(): void {
    this.#towardsClient.end()
  }

  wake(): void {
    this.#towardsClient.wake()
    this.#towardsTarget.wake()
  }
}

/** Null is the end of the stream. */
interface Waiting {
  readonly bytes: Buffer | null
  readonly dueMs: number
}

class Direction {
  readonly #from: Socket
  readonly #to: Socket
  readonly #line: Line
  #queue: Waiting[] = []
  #queuedBytes = 0
  /** When the line is free for the next byte. */
  #freeMs = 0
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(from: Socket, to: Socket, line: Line) {
    this.#from = from
    this.#to = to
    this.#line = line
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
    this.#queue = this.#queue.map(({ bytes }) => ({ bytes, dueMs: now }))
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
    for (let start = 0; start < chunk.length; start += sliceBytesMax) {
      this.#push(chunk.subarray(start, start + sliceBytesMax))
    }
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > bufferedBytesMax) this.#from.pause()
    this.#passOn()
  }

  #push(bytes: Buffer | null): void {
    const { latencyMs, bytesPerSecond } = this.#line
    const now = performance.now()
    const sendMs = ((bytes?.length ?? 0) / bytesPerSecond) * 1000
    this.#freeMs = Math.max(this.#freeMs, now) + sendMs
    this.#queue.push({ bytes, dueMs: this.#freeMs + latencyMs })
  }

  #passOn(): void {
    clearTimeout(this.#timer)
    while (!this.#ended && !this.#line.stalled && !this.#to.writableNeedDrain) {
      const next = this.#queue[0]
      if (next === undefined) break
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
