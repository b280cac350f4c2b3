/** Holds a developer's brokers in the background: `node keeper.ts BROKERS PORT`, started by `run.ts`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { statePath, type KeeperStatus } from './keeper-state.ts'
import { startKafka, type KafkaBroker } from './start-kafka.ts'

const brokers = process.argv[2] === '3' ? 3 : 1
const firstPort = Number(process.argv[3])
const kafka = await startKafka({ brokers, firstPort, heapMb: 400 }).catch((error: unknown) => {
  // Its output is shown to whoever started it.
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
const paused = new Set<KafkaBroker>()
const folder = await mkdtemp(join(tmpdir(), 'tidemark-keeper-'))
const socketPath = join(folder, 'socket')

const actions: Readonly<Record<string, (broker: KafkaBroker) => Promise<void> | void>> = {
  kill: (broker) => broker.kill(),
  restart: (broker) => broker.start(),
  pause: (broker) => broker.pause(),
  resume: (broker) => broker.resume(),
}

const server = createServer((request, response) => {
  void answer(request.url ?? '').then(
    (status) => response.end(JSON.stringify(status)),
    (error: unknown) => response.writeHead(400).end((error as Error).message),
  )
})
server.listen(socketPath, () => {
  void writeFile(statePath, JSON.stringify({ pid: process.pid, socketPath })).then(() =>
    process.send?.('ready'),
  )
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void stop().then(() => process.exit())
  })
}

async function answer(url: string): Promise<KeeperStatus> {
  const [, command = '', id] = url.split('/')
  if (command === 'status') return status()
  if (command === 'stop') {
    await stop()
    // After the answer is out.
    setImmediate(() => process.exit())
    return { bootstrapServers: '', brokers: [] }
  }
  const broker = kafka.brokers.find((one) => one.id === Number(id))
  if (broker === undefined) throw new Error(`there is no broker ${id}`)
  const act = actions[command]
  if (act === undefined) throw new Error(`there is no command ${command}`)
  if (command !== 'restart' && broker.pid === undefined) {
    throw new Error(`broker ${id} does not run: npm run kafka -- restart ${id}`)
  }
  await act(broker)
  if (command === 'pause') paused.add(broker)
  else paused.delete(broker)
  return status()
}

function status(): KeeperStatus {
  return {
    bootstrapServers: kafka.bootstrapServers,
    brokers: kafka.brokers.map((broker) => {
      const { id, port, pid, logPath } = broker
      if (pid === undefined) return { id, port, logPath, state: 'stopped' }
      return { id, port, pid, logPath, state: paused.has(broker) ? 'paused' : 'running' }
    }),
  }
}

async function stop(): Promise<void> {
  await kafka.close()
  await Promise.all([statePath, folder].map((path) => rm(path, { recursive: true, force: true })))
}
