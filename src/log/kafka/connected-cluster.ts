/**
 * The port of `kafka-cluster.ts` over real connections. It owns whom a request goes to and what is known of that,
 * and how long an answer is awaited; what a request says and what its answer means is its kind's.
 */
import type { Clock } from '../../core/clock.ts'
import { TidemarkError, messageOf } from '../../core/errors.ts'
import type { TopicName, TopicPartition } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import { withBackOff } from './connections/back-off.ts'
import type { BrokerAddress, BrokerConnection } from './connections/broker-connections.ts'
import { BrokerConnections, addressName } from './connections/broker-connections.ts'
import { bootstrapAddresses } from './connections/bootstrap-addresses.ts'
import { Coordinators, findCoordinatorRequest } from './connections/coordinators.ts'
import { isMisdirected, translateFailure } from './connections/failures.ts'
import type { KafkaSecurity } from './connections/kafka-security.ts'
import { securityOptions } from './connections/kafka-security.ts'
import { MetadataCache, metadataRequest } from './connections/metadata-cache.ts'
import { Reachability } from './connections/reachability.ts'
import type {
  BrokerId,
  CoordinatorKind,
  Destination,
  KafkaCluster,
  RequestKind,
  RequestVersion,
  SendOptions,
  TopicMetadata,
} from './kafka-cluster.ts'
import { ProtocolError } from './protocol-error.ts'

export { libraryVersion, tolerantVersion } from './connections/versioned.ts'

export interface ClusterOptions {
  /** `host:port`, any of the brokers; the others are learnt from them. */
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  readonly clock: Clock
  readonly security?: KafkaSecurity
  readonly limits?: Partial<ConnectionLimits>
  /** Called whenever `retry` or `topics` tries again. */
  readonly onRetry?: () => void
  /** Told who answers and that nobody does. */
  readonly reachability?: Reachability
  /** Between 0 and 1, for the jitter of the back-off. Default: `Math.random`. */
  readonly random?: () => number
}

export interface ConnectionLimits {
  readonly connectTimeoutMs: number
  /** How long an answer is awaited where the request does not say. */
  readonly requestTimeoutMs: number
  /** How long `retry` goes on where it is not told. */
  readonly giveUpAfterMs: number
}

const defaultLimits: ConnectionLimits = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  giveUpAfterMs: 60_000,
}
const defaultLane = 'main'
/** Questions about the cluster go to another broker sooner than other requests give up. */
const metadataTimeoutMs = 5_000

/** Connects to the first broker that answers, so that a wrong address or refused credentials are told at once.
 * @throws TidemarkError CONFIGURATION_INVALID | KAFKA_UNREACHABLE | KAFKA_REFUSED */
export async function openCluster(options: ClusterOptions): Promise<KafkaCluster> {
  const cluster = new ConnectedCluster(options)
  try {
    await cluster.retry({ kind: 'any' }, metadataRequest, [])
  } catch (failure) {
    await cluster.close()
    throw failure
  }
  return cluster
}

class ConnectedCluster implements KafkaCluster {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #onRetry: () => void
  readonly #reachability: Reachability
  readonly #limits: ConnectionLimits
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #connections: BrokerConnections
  readonly #metadata: MetadataCache
  readonly #coordinators: Coordinators
  /** Aborted by `close`, so that nothing goes on trying. */
  readonly #closing = new AbortController()
  #features: BrokerConnection['features'] | null = null

  constructor(options: ClusterOptions) {
    this.#clock = options.clock
    this.#random = options.random ?? Math.random
    this.#onRetry = options.onRetry ?? (() => undefined)
    this.#reachability = options.reachability ?? new Reachability(options.clock)
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#bootstrap = bootstrapAddresses(options.bootstrapServers)
    this.#connections = new BrokerConnections({
      clientId: options.clientId,
      clock: options.clock,
      connectTimeoutMs: this.#limits.connectTimeoutMs,
      security: securityOptions(options.security ?? {}),
    })
    const anyone = { requestTimeoutMs: Math.min(metadataTimeoutMs, this.#limits.requestTimeoutMs) }
    this.#metadata = new MetadataCache((names) =>
      this.send({ kind: 'any' }, metadataRequest, names, anyone),
    )
    this.#coordinators = new Coordinators((question) =>
      this.send({ kind: 'any' }, findCoordinatorRequest, question, anyone),
    )
  }

  async send<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
    options: SendOptions = {},
  ): Promise<Response> {
    options.signal?.throwIfAborted()
    if (to.kind === 'any') return await this.#sendToAny(kind, request, options)
    let broker: BrokerId | null = null
    try {
      broker = await this.#find(to)
      const address = await this.#metadata.address(broker)
      return await this.#sendTo(address, kind, request, options)
    } catch (failure) {
      this.#forgetStale(to, broker, failure)
      throw failure
    }
  }

  async retry<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
    options: SendOptions & { readonly giveUpAfterMs?: number } = {},
  ): Promise<Response> {
    const { signal } = options
    return await withBackOff(() => this.send(to, kind, request, options), {
      clock: this.#clock,
      random: this.#random,
      giveUpAfterMs: options.giveUpAfterMs ?? this.#limits.giveUpAfterMs,
      onRetry: this.#onRetry,
      signal:
        signal === undefined
          ? this.#closing.signal
          : AbortSignal.any([signal, this.#closing.signal]),
    })
  }

  topics(
    names: readonly TopicName[],
    { isFresh = false }: { readonly isFresh?: boolean } = {},
  ): Promise<ReadonlyMap<TopicName, TopicMetadata>> {
    return withBackOff(() => this.#metadata.topics(names, isFresh), {
      clock: this.#clock,
      random: this.#random,
      giveUpAfterMs: this.#limits.giveUpAfterMs,
      onRetry: this.#onRetry,
      signal: this.#closing.signal,
    })
  }

  forgetTopics(names: readonly TopicName[]): void {
    this.#metadata.forgetTopics(names)
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.forget(kind, key)
  }

  async featureLevel(name: string): Promise<number> {
    // Every connection brings the levels with it.
    if (this.#features === null) await this.retry({ kind: 'any' }, metadataRequest, [])
    return this.#features?.levels.get(name) ?? 0
  }

  close(): Promise<void> {
    const closed = new TidemarkError('KAFKA_UNREACHABLE', 'the Kafka log is closed')
    this.#closing.abort(closed)
    this.#connections.close()
    return Promise.resolve()
  }

  async #find(to: Exclude<Destination, { kind: 'any' }>): Promise<BrokerId> {
    switch (to.kind) {
      case 'broker':
        return to.id
      case 'controller':
        return await this.#metadata.controller()
      case 'coordinator':
        return await this.#coordinators.find(to.of, to.key)
      case 'leader':
        return await this.#leader(to.of)
    }
  }

  async #leader(of: TopicPartition): Promise<BrokerId> {
    const topics = await this.#metadata.topics([of.topic])
    const partition = topics.get(of.topic)?.partitions.find((at) => at.partition === of.partition)
    if (partition === undefined) {
      throw new TidemarkError(
        'PARTITION_UNKNOWN',
        `topic ${of.topic} of the Kafka cluster has no partition ${of.partition}`,
      )
    }
    if (partition.leader === null) throw new ProtocolError(5, 'Metadata', topicPartitionId(of))
    return partition.leader
  }

  #forgetStale(to: Destination, broker: BrokerId | null, failure: unknown): void {
    if (!isMisdirected(failure)) return
    if (broker !== null && failure instanceof TidemarkError) this.#metadata.forgetBroker(broker)
    if (to.kind === 'coordinator') this.#coordinators.forget(to.of, to.key)
    if (to.kind === 'leader') this.#metadata.forgetTopics([to.of.topic])
    if (to.kind === 'controller') this.#metadata.forgetController()
  }

  /** Known brokers first, in random order, then those of the configuration, whose addresses may have stayed. */
  async #sendToAny<Request, Response>(
    kind: RequestKind<Request, Response>,
    request: Request,
    options: SendOptions,
  ): Promise<Response> {
    const known = shuffled([...this.#metadata.brokers.values()], this.#random)
    const addresses = new Map(
      [...known, ...this.#bootstrap].map((address) => [addressName(address), address]),
    )
    const failures: unknown[] = []
    for (const address of addresses.values()) {
      try {
        return await this.#sendTo(address, kind, request, options)
      } catch (failure) {
        if (!(failure instanceof TidemarkError && failure.code === 'KAFKA_UNREACHABLE')) {
          throw failure
        }
        failures.push(failure)
      }
    }
    this.#reachability.noteSilence(failures.at(-1))
    if (failures.length === 1) throw failures[0]
    throw new TidemarkError(
      'KAFKA_UNREACHABLE',
      `none of ${addresses.size} Kafka brokers answers: ${messageOf(failures.at(-1))}`,
      { cause: new AggregateError(failures) },
    )
  }

  async #sendTo<Request, Response>(
    address: BrokerAddress,
    kind: RequestKind<Request, Response>,
    request: Request,
    options: SendOptions,
  ): Promise<Response> {
    const broker = await this.#connections.get(address, options.lane ?? defaultLane)
    options.signal?.throwIfAborted()
    if (this.#features === null || broker.features.epoch >= this.#features.epoch) {
      this.#features = broker.features
    }
    const version = chooseVersion(kind, broker, options.versionMax)
    try {
      const answer = version.send(broker.connection, request)
      const response = await this.#await(answer, broker, kind.name, options)
      this.#reachability.noteAnswer()
      return response
    } catch (thrown) {
      const failure = translateFailure(thrown, kind.name, addressName(address))
      if (failure instanceof ProtocolError) this.#reachability.noteAnswer()
      throw failure
    }
  }

  /** The answer, or a failure when it is too late or nobody wants it any more. */
  #await<Response>(
    answer: Promise<Response>,
    broker: BrokerConnection,
    name: string,
    options: SendOptions,
  ): Promise<Response> {
    const timeoutMs = options.requestTimeoutMs ?? this.#limits.requestTimeoutMs
    const { signal } = options
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.after(timeoutMs, () => {
        finish()
        this.#connections.abandon(broker.connection)
        const where = addressName(broker.address)
        reject(
          new TidemarkError(
            'KAFKA_UNREACHABLE',
            `${name}: the Kafka broker ${where} did not answer within ${timeoutMs} ms`,
          ),
        )
      })
      const onAbort = () => {
        finish()
        reject(signal?.reason as Error)
      }
      const finish = () => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      answer.finally(finish).then(resolve, reject)
    })
  }
}

function chooseVersion<Request, Response>(
  kind: RequestKind<Request, Response>,
  broker: BrokerConnection,
  versionMax = Infinity,
): RequestVersion<Request, Response> {
  const range = broker.versions.get(kind.apiKey)
  const spoken = kind.versions.find(
    ({ version }) =>
      range !== undefined && version >= range[0] && version <= Math.min(range[1], versionMax),
  )
  if (spoken !== undefined) return spoken
  const theirs = range === undefined ? 'none' : `${range[0]} to ${range[1]}`
  const ours = kind.versions.map(({ version }) => version).join(', ')
  throw new TidemarkError(
    'KAFKA_REFUSED',
    `the Kafka broker ${addressName(broker.address)} speaks ${theirs} of ${kind.name}, this release ${ours}: use a Kafka between 2.8 and 4.x`,
  )
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }))
  return keyed.sort((left, right) => left.key - right.key).map(({ item }) => item)
}
