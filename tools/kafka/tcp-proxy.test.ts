import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { until } from './cluster-view.ts'
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** A server that sends back what it gets, behind a proxy. */
async function echoBehindProxy(t: TestContext) {
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await openTcpProxy({ targetPort: (server.address() as AddressInfo).port })
  t.after(async () => {
    await proxy.close()
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  return { proxy, accepted }
}

async function clientOf(proxy: TcpProxy): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function read(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  while (total < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    chunks.push(chunk)
    total += chunk.length
  }
  return Buffer.concat(chunks)
}

void test('bytes pass both ways, in order, more than the proxy holds at once', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  const sent = Buffer.alloc(5_000_000)
  for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at)
  socket.write(sent)
  assert.ok((await read(socket, sent.length)).equals(sent))
  socket.end()
  await once(socket, 'end')
})

void test('a cut resets the connections that are open, and new ones are served', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  socket.write('one')
  await read(socket, 3)
  const reset = assert.rejects(once(socket, 'close'), { code: 'ECONNRESET' })
  proxy.cut()
  await reset
  assert.equal(proxy.connectionCount, 0)
  const next = await clientOf(proxy)
  next.write('two')
  assert.equal((await read(next, 3)).toString(), 'two')
})

void test('while it refuses nobody connects, and those that are open go on', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  await proxy.refuse()
  await assert.rejects(clientOf(proxy), { code: 'ECONNREFUSED' })
  socket.write('still')
  assert.equal((await read(socket, 5)).toString(), 'still')
  await proxy.accept()
  await clientOf(proxy)
})

void test('a delay and a throttle make what is sent come later', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  const roundTripMs = async (length: number) => {
    const startMs = performance.now()
    socket.write(Buffer.alloc(length))
    await read(socket, length)
    return performance.now() - startMs
  }
  proxy.delay(50)
  assert.ok((await roundTripMs(1)) >= 99)
  await proxy.heal()
  proxy.throttle(500_000)
  assert.ok((await roundTripMs(100_000)) >= 199)
})

void test('a stall passes nothing and loses nothing', async (t) => {
  const { proxy, accepted } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  socket.write('a')
  await read(socket, 1)
  proxy.stall()
  socket.write('b')
  const other = await clientOf(proxy)
  other.write('c')
  await until('the proxy holds both', 10_000, async () => proxy.waitingBytes === 2 || undefined)
  assert.equal(accepted[0]?.bytesRead, 1)
  await proxy.heal()
  assert.equal((await read(socket, 1)).toString(), 'b')
  assert.equal((await read(other, 1)).toString(), 'c')
})

void test('half a close ends what comes from the server, and what goes there arrives', async (t) => {
  const { proxy, accepted } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  socket.write('a')
  await read(socket, 1)
  const ended = once(socket, 'end')
  proxy.halfClose()
  await ended
  const target = accepted[0]
  assert.ok(target !== undefined)
  const arrived = once(target, 'data')
  socket.write('b')
  assert.equal(String((await arrived)[0]), 'b')
})

void test('a cut closes a connection that is just ending too', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const socket = await clientOf(proxy)
  socket.write('a')
  await read(socket, 1)
  proxy.halfClose()
  proxy.cut()
  await until('who writes is reset', 10_000, async () => {
    if (socket.destroyed) return true
    socket.write('b')
    return undefined
  })
})

void test('a request that is watched for is held, with what comes after it on its connection alone', async (t) => {
  const { proxy } = await echoBehindProxy(t)
  const [socket, other] = [await clientOf(proxy), await clientOf(proxy)]
  const seen: string[] = []
  const { promise: held, resolve: release } = Promise.withResolvers<undefined>()
  proxy.watch(({ apiKey, clientId }) => {
    seen.push(`${apiKey} of ${clientId}`)
    return apiKey === 26 ? held : undefined
  })
  const bytes = Buffer.concat([request(3, 'one', 40_000), request(26, 'one', 9), request(0, '', 5)])
  const head = 4 + 10 + 'one'.length
  // However the bytes are cut on their way.
  for (let at = 0; at < bytes.length; at += 20_007) socket.write(bytes.subarray(at, at + 20_007))
  const passed = 4 + 10 + 3 + 40_000 + head
  const before = await read(socket, passed)
  assert.equal(before.length, passed, 'the request that is held has begun, and no byte of it more')
  other.write(request(1, 'two', 3))
  await read(other, request(1, 'two', 3).length)
  await until(
    'what is held has come',
    2_000,
    async () => proxy.waitingBytes === bytes.length - passed || undefined,
  )
  release(undefined)
  const after = await read(socket, bytes.length - passed)
  assert.ok(Buffer.concat([before, after]).equals(bytes))
  assert.deepEqual(seen.sort(), ['0 of ', '1 of two', '26 of one', '3 of one'])
})

/** As it is on the wire, with so many bytes of body. */
function request(apiKey: number, clientId: string, bodyBytes: number): Buffer {
  const header = Buffer.alloc(14)
  header.writeInt32BE(10 + clientId.length + bodyBytes, 0)
  header.writeInt16BE(apiKey, 4)
  header.writeInt16BE(clientId.length, 12)
  return Buffer.concat([header, Buffer.from(clientId), Buffer.alloc(bodyBytes, apiKey)])
}
