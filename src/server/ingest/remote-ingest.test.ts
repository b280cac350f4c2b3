/** A source in one process, the instance in another: the same as in one. */
import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { openIngestFixture } from '../../sources/ingest-fixture.test-support.ts'
import type { IngestRecord } from '../../sources/ingest-port.ts'
import { RecordSender } from '../../sources/record-sender.ts'
import { RemoteIngest } from '../../sources/remote-ingest.ts'
import { listen } from '../listen.ts'
import { ingestApp } from './ingest-app.ts'

type Fate = 'dropped when it has spoken' | 'dropped when it is answered' | 'served'

/** Before a door: what becomes of each connection, one after the other; the last fate is that of all others. */
class DroppingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  connections = 0

  constructor(fates: readonly Fate[], target: { host: string; port: number }) {
    this.#server = createServer((socket) => {
      const fate = fates[Math.min(this.connections++, fates.length - 1)]
      this.#keep(socket)
      if (fate === 'dropped when it has spoken') {
        socket.once('data', () => socket.resetAndDestroy())
        return
      }
      const upstream = connect(target)
      this.#keep(upstream)
      socket.pipe(upstream)
      if (fate === 'served') upstream.pipe(socket)
      else upstream.once('data', () => socket.resetAndDestroy())
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

const score = { exam: 1, studentId: 'a', score: 1 }
const records: readonly IngestRecord[] = [
  { content: { form: 'json', json: score }, timestampMs: 5, headers: [['h', Buffer.from([255])]] },
  { content: { form: 'text', bytes: Buffer.from('{"exam":') }, location: 'f:1' },
  { content: { form: 'text', bytes: Buffer.from([0x22, 0xff, 0x22]) }, location: 'f:2' },
  { content: { form: 'framed', bytes: Buffer.from([0, 0, 0, 0, 99, 1]) } },
  {
    content: {
      form: 'unreadable',
      code: 'SCHEMA_REFUSED',
      faults: [{ path: 'exam', reason: 'no' }],
    },
    original: {
      format: 'csv',
      value: Buffer.from([1, 254]),
      key: Buffer.from('k'),
      headers: [['c', Buffer.from('x')]],
    },
    location: 'f:3',
  },
  { content: { form: 'json', json: score }, key: { form: 'bytes', bytes: Buffer.from('other') } },
]

test('reports, taken records and quarantined bytes are those of a source in the same process', async () => {
  const options = { onError: 'quarantine', source: 'file' } as const
  const local = await openIngestFixture()
  const remote = await openIngestFixture()
  const listener = await listen(ingestApp({ ...remote, clock: systemClock }), {
    name: 'ingest',
    host: '127.0.0.1',
    port: 0,
  })
  const port = new RemoteIngest({ url: `${listener.url}/` })
  const expected = await local.ingest.ingest('exam_score', records, options)
  assert.equal(expected.quarantined, 5)
  const found = await port.ingest('exam_score', records, options)
  assert.deepEqual(found, JSON.parse(JSON.stringify(expected)))
  assert.deepEqual(await remote.records('exam_score'), await local.records('exam_score'))
  assert.deepEqual(await remote.quarantined(), await local.quarantined())
  await assert.rejects(port.ingest('nothing', records, options), /topic nothing is not known/)
  await listener.close(0)
  await assert.rejects(port.ingest('exam_score', records, options), /no answer from the ingest/)
  await local.log.close()
  await remote.log.close()
})

test('connections that break are tried again, a lost answer among them, and at last told by their cause', async () => {
  const remote = await openIngestFixture()
  const listener = await listen(ingestApp({ ...remote, clock: systemClock }), {
    name: 'ingest',
    host: '127.0.0.1',
    port: 0,
  })
  const { hostname: host, port } = new URL(listener.url)
  const through = async (fates: readonly Fate[], retryForMsMax: number) => {
    const proxy = new DroppingProxy(fates, { host, port: Number(port) })
    const url = await proxy.listen()
    const sender = new RecordSender({
      ingest: new RemoteIngest({ url }),
      clock: systemClock,
      topic: 'students',
      onError: 'refuse',
      source: 'file',
      retryForMsMax,
    })
    await sender.add({ content: { form: 'json', json: { student_id: 'a' } } }, 1)
    const outcome = await sender.flush().then(
      () => sender.totals.taken,
      (thrown: unknown) => thrown,
    )
    const { connections } = proxy
    await proxy.close()
    return { outcome, connections }
  }
  const spoken = 'dropped when it has spoken'
  const passing = await through([spoken, spoken, 'dropped when it is answered', 'served'], 60_000)
  assert.deepEqual(passing, { outcome: 1, connections: 4 })
  const taken = await remote.records('students')
  assert.equal(taken.length, 2, 'the one whose answer was lost came twice')
  assert.equal(new Set(taken.map(({ key }) => String(key))).size, 1)

  const lasting = await through([spoken], 200)
  assert.ok(lasting.connections > 1, `${lasting.connections} connections`)
  assert.ok(lasting.outcome instanceof TidemarkError)
  assert.equal(lasting.outcome.code, 'INSTANCE_NOT_RUNNING')
  assert.match(lasting.outcome.message, /no answer .*(ECONNRESET|UND_ERR_SOCKET)/)

  await listener.close(0)
  const gone = new RemoteIngest({ url: listener.url })
  await assert.rejects(gone.ingest('students', records, { onError: 'refuse', source: 'file' }), {
    message: /ECONNREFUSED/,
    details: { mayPass: false },
  })
  await remote.log.close()
})
