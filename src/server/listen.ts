import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Hono } from 'hono'
import { messageOf, TidemarkError } from '../core/errors.ts'

export interface Listener {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly url: string
  /** Takes no new requests, lets the running ones end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>
}

export interface ListenOptions {
  /** What listens, for error messages: `ingest`, `schema registry` … */
  readonly name: string
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

/** @throws TidemarkError PORT_IN_USE */
export async function listen(app: Hono, options: ListenOptions): Promise<Listener> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(refusal(options, cause))
    })
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    name: options.name,
    host: options.host,
    port,
    url: `http://${host}:${port}`,
    close: (graceMs) => closeServer(server, sockets, graceMs),
  }
}

function closeServer(server: Server, sockets: Set<Socket>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

function refusal({ name, host, port }: ListenOptions, cause: unknown): TidemarkError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    return new TidemarkError(
      'PORT_IN_USE',
      `${name}: port ${port} on ${host} ${code === 'EACCES' ? 'may not be opened by this user' : 'is in use'}; ` +
        'stop what listens there, or shift all ports with --port-offset N',
      { details: { name, host, port }, cause },
    )
  }
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `${name} cannot listen on ${host}:${port}: ${messageOf(cause)}`,
    { details: { name, host, port }, cause },
  )
}
