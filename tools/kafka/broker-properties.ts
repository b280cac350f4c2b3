/** The settings of a broker (each is also a controller) for tests: small, quick to elect and quick to expire. */
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { listenerSettings, type SecureListener } from './security.ts'

export interface NodePorts {
  readonly id: number
  /** Clients without TLS and SASL. */
  readonly client: number
  /** Between brokers, and for the tests' own questions; never behind a proxy. */
  readonly internal: number
  readonly controller: number
  /** One for each secure listener, in the order of `secureListeners`. */
  readonly secure: readonly number[]
}

export interface NodeOptions {
  readonly id: number
  /** All nodes of the cluster. */
  readonly nodes: readonly NodePorts[]
  /** Of the node: it holds the log and the settings. */
  readonly folder: string
  /** Port by which clients are told to come; default: where the broker listens. */
  readonly advertisedPort?: number
  readonly security?: { readonly listeners: readonly SecureListener[]; readonly folder: string }
  readonly overrides?: Readonly<Record<string, string | number | boolean>>
}

export type Properties = Readonly<Record<string, string | number | boolean>>

export const host = '127.0.0.1'

export function nodeProperties(options: NodeOptions): Properties {
  const { id, nodes, folder } = options
  const ports = nodes.find((node) => node.id === id)
  if (ports === undefined) throw new Error(`node ${id} has no ports`)
  const security = options.security ?? { listeners: [], folder }
  const secure = security.listeners.map((listener, index) => ({
    name: listener,
    port: ports.secure[index] ?? 0,
  }))
  const advertised = [
    { name: 'CLIENT', port: options.advertisedPort ?? ports.client },
    { name: 'INTERNAL', port: ports.internal },
    ...secure,
  ]
  const listeners = [
    { name: 'CLIENT', port: ports.client },
    ...advertised.slice(1),
    { name: 'CONTROLLER', port: ports.controller },
  ]
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'broker.rack': `rack-${id}`,
    'controller.quorum.voters': nodes
      .map((node) => `${node.id}@${host}:${node.controller}`)
      .join(','),
    listeners: addresses(listeners),
    'advertised.listeners': addresses(advertised),
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    ...listenerSettings(security.listeners, security.folder),
    'log.dirs': join(folder, 'data'),
    ...testSettings(nodes.length),
    ...options.overrides,
  }
}

function addresses(listeners: readonly { name: string; port: number }[]): string {
  return listeners.map(({ name, port }) => `${name}://${host}:${port}`).join(',')
}

function testSettings(nodeCount: number): Properties {
  const replicas = Math.min(3, nodeCount)
  const inSyncMin = replicas === 3 ? 2 : 1
  return {
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSyncMin,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 3,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSyncMin,
    'transaction.state.log.num.partitions': 3,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSyncMin,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 500,
    // A transaction whose producer died is aborted soon after its own timeout.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
    // A broker that was killed loses its partitions in seconds.
    'broker.session.timeout.ms': 4_000,
    'broker.heartbeat.interval.ms': 500,
    'controller.quorum.election.timeout.ms': 1_000,
    'controller.quorum.fetch.timeout.ms': 2_000,
    // 128 MB by default, taken at the start.
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.cleaner.backoff.ms': 1_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 4,
  }
}

export async function writeProperties(path: string, properties: Properties): Promise<void> {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(path, lines.join(''))
}

/** Below the range from which systems take the ports of outgoing connections, so that the port of a broker that
 * is down for a while stays free. */
const portRange = { first: 20_000, last: 32_000 } as const

/** @returns the ports of `nodeCount` nodes; nobody listened on them just now, `firstPort` and its next apart */
export async function freePorts(
  nodeCount: number,
  secureCount: number,
  firstPort?: number,
): Promise<NodePorts[]> {
  const taken = new Set<number>()
  const nodes: NodePorts[] = []
  for (let id = 1; id <= nodeCount; id++) {
    const secure: number[] = []
    for (let index = 0; index < secureCount; index++) secure.push(await freePort(taken))
    nodes.push({
      id,
      client: firstPort === undefined ? await freePort(taken) : firstPort + id - 1,
      internal: await freePort(taken),
      controller: await freePort(taken),
      secure,
    })
  }
  return nodes
}

const portTriesMax = 1_000

/** @param taken those that are given out already; the port joins them */
export async function freePort(taken: Set<number>): Promise<number> {
  for (let tries = 0; tries < portTriesMax; tries++) {
    const port = randomInt(portRange.first, portRange.last)
    if (taken.has(port) || !(await canListen(port))) continue
    taken.add(port)
    return port
  }
  throw new Error(`no free port between ${portRange.first} and ${portRange.last}`)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
