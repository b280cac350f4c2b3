/**
 * An HTTP proxy before a ClickHouse server that lets inserts fail as they do in production: the server's own refusals,
 * with its texts and headers, and connections that are cut before, within and after an insert.
 */
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type Fault =
  keyof typeof refusals | keyof typeof gateways | 'cut-before' | 'cut-within' | 'cut-after'

/** As ClickHouse 25 and 26 answer, word by word but for names and numbers. */
const refusals = {
  'too-many-parts': [
    252,
    "Too many parts (3000 with average size of 24.16 KiB) in table 'exams.averages_versions (5c8ab35e-2d53-4b1b-8f5e-2a3f8d6f2c11)'. Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)",
  ],
  'memory-limit': [
    241,
    '(total) memory limit exceeded: would use 3.62 GiB (attempt to allocate chunk of 4.26 MiB bytes), current RSS: 3.61 GiB, maximum: 3.60 GiB. OvercommitTracker decision: Query was selected to stop by OvercommitTracker. (MEMORY_LIMIT_EXCEEDED)',
  ],
  'read-only': [
    242,
    'Table is in readonly mode due to: the replica has lost its session (replica path: /clickhouse/tables/01/exams/averages_versions/replicas/r1). (TABLE_IS_READ_ONLY)',
  ],
  keeper: [999, 'Coordination error: Session expired. (KEEPER_EXCEPTION)'],
  overloaded: [
    745,
    'CPU is overloaded, CPU is waiting for execution way more than executing, ratio of wait time (OSCPUWaitMicroseconds metric) to busy time (OSCPUVirtualTimeMicroseconds metric) is 3.1. Min ratio for error 2, max ratio for error 6, probability used to decide whether to discard the query 0.27. (SERVER_OVERLOADED)',
  ],
  'replica-status': [
    416,
    'Insert failed due to zookeeper exception: replica status changed during insert (REPLICA_STATUS_CHANGED)',
  ],
  timeout: [159, 'Timeout exceeded: elapsed 60000.12 ms, maximum: 60000 ms. (TIMEOUT_EXCEEDED)'],
} as const satisfies Record<string, readonly [code: number, text: string]>

/** Of a balancer or a gateway in between: its status and its text. */
const gateways = {
  gateway: [
    503,
    'upstream connect error or disconnect/reset before headers. reset reason: connection failure',
  ],
  'gateway-time-out': [
    504,
    '<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n',
  ],
  'gateway-silent': [504, ''],
  'gateway-limit': [429, 'Too Many Requests'],
} as const satisfies Record<string, readonly [status: number, text: string]>

export const everyFault: readonly Fault[] = [
  ...(Object.keys(refusals) as (keyof typeof refusals)[]),
  'cut-before',
  'cut-within',
  'cut-after',
  ...(Object.keys(gateways) as (keyof typeof gateways)[]),
]

export class FaultProxy {
  readonly url: string
  /** Asked for each insert; null lets it through. */
  faultOf: () => Fault | null = () => null
  /** While true nobody gets a connection. */
  isAway = false
  readonly struck = new Map<Fault | 'away', number>()
  readonly insertBytes: number[] = []
  readonly #upstream: URL
  readonly #close: () => Promise<void>

  static async open(upstream: string): Promise<FaultProxy> {
    const sockets = new Set<Socket>()
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const proxy = new FaultProxy(new URL(upstream), `http://127.0.0.1:${port}`, async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    })
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
      if (proxy.isAway) {
        proxy.#count('away')
        socket.destroy()
      }
    })
    server.on('request', (incoming, outgoing) => {
      void proxy.#answer(incoming, outgoing).catch(() => incoming.socket.destroy())
    })
    return proxy
  }

  private constructor(upstream: URL, url: string, close: () => Promise<void>) {
    this.#upstream = upstream
    this.url = url
    this.#close = close
  }

  close(): Promise<void> {
    return this.#close()
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (this.isAway) {
      this.#count('away')
      incoming.socket.destroy()
      return
    }
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>))
    const query = new URL(incoming.url ?? '/', this.url).searchParams.get('query') ?? ''
    const isInsert = query.startsWith('INSERT')
    const fault = isInsert ? this.faultOf() : null
    if (isInsert) this.insertBytes.push(body.length)
    if (fault === null) {
      await this.#forward(incoming, body, outgoing)
      return
    }
    this.#count(fault)
    if (fault === 'cut-before') incoming.socket.destroy()
    else if (fault === 'cut-within') await this.#cutWithin(incoming, body)
    else if (fault === 'cut-after') {
      await this.#forward(incoming, body, null)
      incoming.socket.destroy()
    } else if (isGateway(fault)) {
      const [status, text] = gateways[fault]
      outgoing.writeHead(status, { 'content-type': 'text/html' })
      outgoing.end(text)
    } else {
      const [code, text] = refusals[fault]
      outgoing.writeHead(500, {
        'content-type': 'text/plain; charset=UTF-8',
        'x-clickhouse-exception-code': String(code),
      })
      outgoing.end(
        `Code: ${code}. DB::Exception: ${text.replace(/ (\([A-Z_]+\))$/, ' $1')} (version 25.8.2.29 (official build))\n`,
      )
    }
  }

  /** @param outgoing null: the server's answer is lost */
  #forward(
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse | null,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const forwarded = request(
        new URL(incoming.url ?? '/', this.#upstream),
        {
          method: incoming.method,
          headers: { ...headersOf(incoming), 'content-length': String(body.length) },
          agent: false,
        },
        (answer) => {
          answer.on('error', reject)
          if (outgoing === null) {
            answer.resume()
            answer.once('end', resolve)
            return
          }
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
          outgoing.once('finish', resolve)
        },
      )
      forwarded.once('error', reject)
      forwarded.end(body)
    })
  }

  /** The server gets half of it and then nobody. */
  async #cutWithin(incoming: IncomingMessage, body: Buffer): Promise<void> {
    const forwarded = request(new URL(incoming.url ?? '/', this.#upstream), {
      method: incoming.method,
      headers: { ...headersOf(incoming), 'content-length': String(body.length) },
      agent: false,
    })
    forwarded.on('error', () => {})
    await new Promise<void>((resolve) => {
      forwarded.write(body.subarray(0, Math.floor(body.length / 2)), () => {
        resolve()
      })
    })
    forwarded.destroy()
    incoming.socket.destroy()
  }

  #count(fault: Fault | 'away'): void {
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1)
  }
}

function isGateway(fault: Fault): fault is keyof typeof gateways {
  return fault in gateways
}

function headersOf({ headers }: IncomingMessage) {
  const { 'transfer-encoding': _chunked, connection: _hop, host: _host, ...kept } = headers
  return kept
}
