/**
 * Real Kafka brokers on this machine, from Kafka's own jars: each a broker and a controller (KRaft), on free ports
 * of the loopback, gone when this process is.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerProcess } from './broker-process.ts'
import {
  freePorts,
  host,
  nodeProperties,
  writeProperties,
  type NodePorts,
} from './broker-properties.ts'
import { ClusterView, until, type CoordinatorKind } from './cluster-view.ts'
import { isBefore4, kafkaJars, kafkaVersion, type KafkaJars } from './jars.ts'
import { KafkaUnavailable } from './java.ts'
import {
  makeCertificates,
  scramCredentials,
  user,
  type Certificates,
  type SecureListener,
} from './security.ts'
import { formatNode } from './storage.ts'
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export interface KafkaOptions {
  /** Default 1. With 3, topics have three replicas and need two. */
  readonly brokers?: 1 | 3
  /** Levels that the cluster starts with: `{ 'transaction.version': 1 }`. Default: the newest. */
  readonly features?: Readonly<Record<string, number>>
  /** Settings of every broker. */
  readonly overrides?: Readonly<Record<string, string | number | boolean>>
  /** Clients reach every broker through a proxy of its own, which fails on demand. */
  readonly proxied?: boolean
  /** Clients' port of the first broker; the next brokers have the next. Default: free ones. */
  readonly firstPort?: number
  /** Listeners beside the open one; they have no proxy. */
  readonly security?: readonly SecureListener[]
  /** Default 320. */
  readonly heapMb?: number
  /** Default: compiles quickly rather than well. */
  readonly jvmOptions?: readonly string[]
}

export interface KafkaBroker {
  readonly id: number
  /** Where clients reach it: of the open listener, or of its proxy. */
  readonly port: number
  /** Where `proxied` was asked for. */
  readonly proxy: TcpProxy | undefined
  /** Undefined while it does not run. */
  readonly pid: number | undefined
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** A clean shutdown. */
  stop(): Promise<void>
  /** On the same ports and data; resolves when the cluster counts it as alive. */
  start(): Promise<void>
  /** SIGSTOP. */
  pause(): void
  resume(): void
  /** The end of what it printed. */
  output(): string
  /** All that it printed. */
  readonly logPath: string
}

export interface Kafka {
  /** `host:port,…` of the open listener. */
  readonly bootstrapServers: string
  readonly brokers: readonly KafkaBroker[]
  /** Of the listeners asked for by `security`. */
  readonly secure: Readonly<Partial<Record<SecureListener, string>>>
  readonly certificates: Certificates | undefined
  /** Of SASL. */
  readonly user: typeof user
  /** Who leads the controllers. */
  controllerOf(): Promise<KafkaBroker>
  leaderOf(topic: string, partition: number): Promise<KafkaBroker>
  coordinatorOf(kind: CoordinatorKind, key: string): Promise<KafkaBroker>
  close(): Promise<void>
}

const startMs = 90_000
const electionMs = 60_000
const portClashTriesMax = 3

/** @throws KafkaUnavailable where Java or Maven is missing; Error with the brokers' output where they do not start */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  if (isBefore4 && options.features !== undefined) {
    throw new KafkaUnavailable(`brokers of Kafka ${kafkaVersion} start with no chosen features`)
  }
  const jars = await kafkaJars()
  for (let tries = 1; ; tries++) {
    const cluster = new LocalKafka(jars, options)
    try {
      await cluster.start()
      return cluster
    } catch (error) {
      const clash = cluster.hasPortClash()
      await cluster.close()
      if (clash && options.firstPort !== undefined) {
        throw new Error(`port ${options.firstPort}, or one after it, is taken`, { cause: error })
      }
      // Somebody took a port between our look and the broker's start.
      if (!clash || tries === portClashTriesMax) throw error
    }
  }
}

class LocalKafka implements Kafka {
  readonly user = user
  readonly #jars: KafkaJars
  readonly #options: KafkaOptions
  #folder = ''
  #nodes: readonly NodePorts[] = []
  #brokers: readonly LocalBroker[] = []
  #view = new ClusterView([])
  #certificates: Certificates | undefined

  constructor(jars: KafkaJars, options: KafkaOptions) {
    this.#jars = jars
    this.#options = options
  }

  get brokers(): readonly KafkaBroker[] {
    return this.#brokers
  }

  get certificates(): Certificates | undefined {
    return this.#certificates
  }

  get bootstrapServers(): string {
    return this.#brokers.map(({ port }) => `${host}:${port}`).join(',')
  }

  get secure(): Partial<Record<SecureListener, string>> {
    const listeners = this.#options.security ?? []
    const servers = (index: number) =>
      this.#nodes.map(({ secure }) => `${host}:${secure[index] ?? 0}`).join(',')
    return Object.fromEntries(listeners.map((name, index) => [name, servers(index)]))
  }

  async start(): Promise<void> {
    const { brokers = 1, security = [] } = this.#options
    this.#folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'))
    this.#nodes = await freePorts(brokers, security.length, this.#options.firstPort)
    this.#view = new ClusterView(this.#nodes.map(({ internal }) => internal))
    if (security.length > 0) {
      this.#certificates = await makeCertificates(this.#jars.java, this.#folder)
    }
    this.#brokers = await Promise.all(this.#nodes.map((ports) => this.#prepare(ports)))
    await Promise.all(this.#brokers.map((broker) => broker.process.spawn()))
    await Promise.all(this.#brokers.map((broker) => broker.untilAlive()))
  }

  async #prepare(ports: NodePorts): Promise<LocalBroker> {
    const { features = {}, overrides = {}, security = [], heapMb = 320 } = this.#options
    const { jvmOptions = ['-XX:TieredStopAtLevel=1'] } = this.#options
    const folder = join(this.#folder, `broker-${ports.id}`)
    await mkdir(folder)
    const path = join(folder, 'server.properties')
    const secure = { listeners: security, folder: this.#folder }
    const nodes = this.#nodes
    const id = ports.id
    const proxy = this.#options.proxied
      ? await openTcpProxy({ targetPort: ports.client })
      : undefined
    const advertisedPort = proxy?.port ?? ports.client
    await writeProperties(
      path,
      nodeProperties({ id, nodes, folder, advertisedPort, security: secure, overrides }),
    )
    await formatNode(this.#jars, path, {
      features,
      scram: security.some((name) => name.startsWith('SASL')) ? scramCredentials : [],
    })
    const { java, arguments: args } = this.#jars
    const command = [java.command, `-Xmx${heapMb}m`, ...jvmOptions, ...args, 'kafka.Kafka', path]
    const logPath = join(folder, 'broker.log')
    const process = new BrokerProcess({ command, logPath, clusterFolder: this.#folder })
    return new LocalBroker(ports, process, proxy)
  }

  async controllerOf(): Promise<KafkaBroker> {
    return this.#brokerOnce('a controller leads', () => this.#view.controllerId())
  }

  async leaderOf(topic: string, partition: number): Promise<KafkaBroker> {
    return this.#brokerOnce(`a broker leads ${topic}-${partition}`, () =>
      this.#view.leaderId(topic, partition),
    )
  }

  async coordinatorOf(kind: CoordinatorKind, key: string): Promise<KafkaBroker> {
    return this.#brokerOnce(`a broker coordinates the ${kind} ${key}`, () =>
      this.#view.coordinatorId(kind, key),
    )
  }

  async #brokerOnce(name: string, ask: () => Promise<number>): Promise<KafkaBroker> {
    const id = await until(name, electionMs, ask)
    const broker = this.#brokers.find((one) => one.id === id)
    if (broker === undefined) throw new Error(`the cluster knows a broker ${id} that is not ours`)
    return broker
  }

  hasPortClash(): boolean {
    return this.#brokers.some(({ process }) => process.output(Infinity).includes('failed to bind'))
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#brokers.map(async (broker) => {
        await broker.process.kill()
        await broker.proxy?.close()
      }),
    )
    await rm(this.#folder, { recursive: true, force: true })
  }
}

class LocalBroker implements KafkaBroker {
  readonly id: number
  readonly port: number
  readonly proxy: TcpProxy | undefined
  readonly process: BrokerProcess
  readonly #views: readonly ClusterView[]

  constructor(
    { id, client, internal }: NodePorts,
    process: BrokerProcess,
    proxy: TcpProxy | undefined,
  ) {
    this.id = id
    this.port = proxy?.port ?? client
    this.proxy = proxy
    this.process = process
    // The others count a broker that was killed as alive for a while; and a listener comes up, or fails, alone.
    this.#views = [internal, client].map((port) => new ClusterView([port]))
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  get logPath(): string {
    return this.process.logPath
  }

  async start(): Promise<void> {
    await this.process.spawn()
    await this.untilAlive()
  }

  async untilAlive(): Promise<void> {
    await until(`broker ${this.id} is alive`, startMs, async () => {
      if (this.process.pid === undefined) return 'ended' as const
      const known = await Promise.all(this.#views.map((view) => view.brokerIds()))
      return known.every((ids) => ids.includes(this.id)) ? ('alive' as const) : undefined
    }).then((state) => {
      if (state === 'ended') throw new Error(`broker ${this.id} ended:\n${this.output()}`)
    })
  }

  kill(): Promise<void> {
    return this.process.kill()
  }

  stop(): Promise<void> {
    return this.process.stop()
  }

  pause(): void {
    this.process.pause()
  }

  resume(): void {
    this.process.resume()
  }

  output(): string {
    return this.process.output()
  }
}
