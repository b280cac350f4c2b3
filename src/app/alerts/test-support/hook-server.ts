/** A real HTTP server on a port of its own, which keeps what is posted to it. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HookServer {
  readonly url: string
  readonly posts: readonly Post[]
  /** Resolves once so many have come. */
  posted(count: number): Promise<void>
  close(): Promise<void>
}

export interface Post {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: any
}

/** @param answer what becomes of each; one that does not end the response hangs */
export async function openHookServer(
  answer: (response: ServerResponse, post: Post) => void,
): Promise<HookServer> {
  const posts: Post[] = []
  const waiting: { count: number; wake: () => void }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      const post = { path: request.url ?? '', headers: request.headers, body }
      posts.push(post)
      for (const { count, wake } of waiting) if (posts.length >= count) wake()
      answer(response, post)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    posted: (count) =>
      new Promise((wake) => {
        if (posts.length >= count) wake()
        else waiting.push({ count, wake })
      }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
