/**
 * A TCP proxy that fails on demand: what lies between an instance and a broker when a network is bad.
 *
 * One connection is two directions. Each passes its chunks on in order; a chunk waits for the latency and for the
 * bandwidth that hold when it arrives. Nothing passes while the proxy is stalled, and nothing is lost by that.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { RequestReader } from './request-reader.ts'
import { Direction, type Line, type RequestWatch } from './tcp-direction.ts'

const host = '127.0.0.1'

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
  readonly #line: Line = {
    latencyMs: 0,
    bytesPerSecond: Infinity,
    stalled: false,
    watch: null,
  }
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

  /** Null: nobody watches any more. */
  watch(watch: RequestWatch | null): void {
    this.#line.watch = watch
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

class Link {
  onClosed: () => void = () => undefined
  readonly #sockets: readonly Socket[]
  readonly #towardsClient: Direction
  readonly #towardsTarget: Direction

  constructor(client: Socket, target: Socket, line: Line) {
    this.#sockets = [client, target]
    this.#towardsTarget = new Direction(client, target, line, new RequestReader())
    this.#towardsClient = new Direction(target, client, line, null)
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
