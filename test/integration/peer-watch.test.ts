import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { afterEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from './support/until.ts'
import { systemClock } from '../../src/core/clock.ts'
import { PeerWatch } from '../../src/app/peers/peer-watch.ts'
import { Access } from '../../src/server/access/access.ts'
import { bearerAuthorization } from '../../src/server/access/credentials.ts'
import { guarded } from '../../src/server/access/guarded.ts'
import type { AuditEntry } from '../../src/server/audit/audit-log.ts'
import { LifeDoor } from '../../src/server/console/life-door.ts'
import { listen } from '../../src/server/listen.ts'

const program = fileURLToPath(new URL('support/life-process.ts', import.meta.url))
const children: ChildProcess[] = []
const servers: Server[] = []
let watch: PeerWatch | undefined

afterEach(async () => {
  await watch?.close()
  for (const child of children.splice(0)) child.kill('SIGKILL')
  closeServers()
})

function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
}

interface Life {
  readonly endpoint: string
  end(signal: NodeJS.Signals): Promise<void>
}

async function live(instanceId: string): Promise<Life> {
  const child = spawn(process.execPath, [program, instanceId], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [endpoint] = (await once(createInterface(child.stdout), 'line')) as [string]
  const ended = once(child, 'close')
  return {
    endpoint,
    end: async (signal) => {
      child.kill(signal)
      await ended
    },
  }
}

/** Whom it tells of, in turn. */
function watchOf(endpoints: readonly string[], applicationId = 'learning', headers = {}) {
  const gone: string[] = []
  const opened = new PeerWatch({
    endpoints: () => new Set(endpoints),
    applicationId,
    headers,
    clock: systemClock,
    onGone: async ({ instanceId }) => {
      gone.push(instanceId)
    },
  })
  watch = opened
  return { gone, living: opened.living }
}

/** Answers as the instance does, but for what follows, which is the test's. */
async function serve(sign: object, then: (end: () => void) => void) {
  const server = createServer((_, response) => {
    response.write(`${JSON.stringify(sign)}\n`)
    then(() => response.destroy())
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

void test('who is killed is gone; who takes its leave is not', async () => {
  const [leaving, killed] = [await live('leaving'), await live('killed')]
  const { gone, living } = watchOf([leaving.endpoint, killed.endpoint])
  await until('both are followed', async () => (living.size === 2 ? true : null))
  await leaving.end('SIGTERM')
  await until('one is followed', async () => (living.size === 1 ? true : null))
  await killed.end('SIGKILL')
  await until('somebody is gone', async () => (gone.length > 0 ? true : null))
  assert.deepEqual(gone, ['killed'])
})

void test('who is cut off and still listens is not gone, and is followed again', async () => {
  let asked = 0
  const sign = { applicationId: 'learning', instanceId: 'cut' }
  // The second time it is asked whether it lives, the third time it is followed.
  const endpoint = await serve(sign, (end) => {
    if (++asked < 3) end()
  })
  const { gone, living } = watchOf([endpoint])
  await until('it is followed again', async () => (asked === 3 && living.has('cut') ? true : null))
  assert.deepEqual(gone, [])
})

void test('who is gone resets what still reached it before it refuses', async () => {
  const cuts: (() => void)[] = []
  const endpoint = await serve({ applicationId: 'learning', instanceId: 'dying' }, (cut) => {
    cuts.push(cut)
  })
  const { gone, living } = watchOf([endpoint])
  await until('it is followed', async () => (living.has('dying') ? true : null))
  let reset = 0
  const [server] = servers
  server?.removeAllListeners('connection').on('connection', (socket: Socket) => {
    if (++reset === 2) closeServers()
    socket.resetAndDestroy()
  })
  for (const cut of cuts) cut()
  await until('somebody is gone', async () => (gone.length > 0 ? true : null))
  assert.deepEqual([gone, reset], [['dying'], 2])
})

void test('another application is none of this one’s', async () => {
  let asked = 0
  const other = await serve({ applicationId: 'teaching', instanceId: 'other' }, () => asked++)
  const own = await serve({ applicationId: 'learning', instanceId: 'own' }, () => undefined)
  const { gone, living } = watchOf([other, own])
  await until('both were asked', async () => (asked > 0 && living.has('own') ? true : null))
  closeServers()
  await until('somebody is gone', async () => (gone.length > 0 ? true : null))
  assert.deepEqual(gone, ['own'])
})

void test('who is asked for a secret follows the lives of those that have the same', async (t) => {
  const sign = { applicationId: 'learning', instanceId: 'guarded' }
  const recorded: AuditEntry[] = []
  const audit = { record: (entry: AuditEntry) => recorded.push(entry) }
  const access = new Access([], 'one-secret-of-all-instances')
  const door = guarded(new LifeDoor(sign).app, { door: 'console', access, audit })
  const listener = await listen(door, { name: 'console', host: '127.0.0.1', port: 0 })
  t.after(() => listener.close(0))
  const stranger = watchOf([listener.url], 'learning', { authorization: bearerAuthorization('x') })
  await until('it was refused', () => (recorded.length > 0 ? true : null))
  assert.deepEqual([...stranger.living], [])
  await watch?.close()
  const headers = { authorization: bearerAuthorization('one-secret-of-all-instances') }
  const { living } = watchOf([listener.url], 'learning', headers)
  await until('it is followed', () => (living.has('guarded') ? true : null))
})
