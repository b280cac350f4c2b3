/**
 * The open connections: one for each broker's address and lane, opened when first needed, and again after it
 * was lost. Each knows which versions its broker speaks.
 */
import { isIP } from 'node:net'

import { Connection, apiVersionsV0, apiVersionsV3 } from '@platformatic/kafka'
import type { ConnectionOptions, apiVersionsV4 } from '@platformatic/kafka'

import type { Clock } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { KafkaConnection } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { openingRequest, translateFailure } from './failures.ts'

type VersionsAnswer = apiVersionsV4.ApiVersionsResponse

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export function addressName(address: BrokerAddress): string {
  return `${address.host}:${address.port}`
}

export interface BrokerConnection {
  readonly connection: KafkaConnection
  readonly address: BrokerAddress
  /** Least and greatest version by API key. */
  readonly versions: ReadonlyMap<number, readonly [least: number, greatest: number]>
  readonly features: FinalizedFeatures
}

export interface FinalizedFeatures {
  readonly epoch: bigint
  readonly levels: ReadonlyMap<string, number>
}

export interface BrokerConnectionsOptions {
  readonly clientId: string
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly security: ConnectionOptions
}

/** The library's timer of a request cannot be set for one request; ours can, so the library's never fires. */
const libraryTimeoutMs = 2 ** 31 - 1
/** Requests never wait inside the library: what waits there would be sent in the middle of a reauthentication. */
const inFlightMax = 10_000

export class BrokerConnections {
  readonly #options: BrokerConnectionsOptions
  readonly #open = new Map<string, Promise<BrokerConnection>>()
  readonly #connections = new Set<KafkaConnection>()
  #closed = false

  constructor(options: BrokerConnectionsOptions) {
    this.#options = options
  }

  /** @throws TidemarkError KAFKA_UNREACHABLE | KAFKA_REFUSED */
  async get(address: BrokerAddress, lane: string): Promise<BrokerConnection> {
    if (this.#closed) {
      throw new TidemarkError(
        'KAFKA_UNREACHABLE',
        'the connections to the Kafka cluster are closed',
      )
    }
    const key = `${lane} ${addressName(address)}`
    let opening = this.#open.get(key)
    if (opening === undefined) {
      opening = this.#connect(address, () => this.#open.delete(key))
      this.#open.set(key, opening)
    }
    const broker = await opening
    // Nothing may come between the requests of a reauthentication (KIP-368).
    if (broker.connection.status === 'reauthenticating') await this.#ready(broker)
    return broker
  }

  /** One whose answer may be awaited no longer: others that wait on it fail too, since answers come in order. */
  abandon(connection: KafkaConnection): void {
    connection.socket.destroy()
  }

  /** Requests under way fail. */
  close(): void {
    this.#closed = true
    for (const connection of this.#connections) this.abandon(connection)
  }

  async #connect(address: BrokerAddress, forget: () => void): Promise<BrokerConnection> {
    const { clientId, security } = this.#options
    const connection = new Connection(clientId, {
      // The library sends no server name by itself, and brokers behind one address tell by it who is meant.
      ...(security.tls !== undefined && isIP(address.host) === 0 ? { tlsServerName: true } : {}),
      ...security,
      connectTimeout: this.#options.connectTimeoutMs,
      requestTimeout: libraryTimeoutMs,
      maxInflights: inFlightMax,
    })
    const end = () => {
      forget()
      this.#connections.delete(connection)
    }
    // Without a listener an `error` event ends the process.
    connection.on('error', end)
    connection.on('close', () => {
      end()
      // Only this ends the library's timer of the next reauthentication.
      void connection.close()
    })
    this.#connections.add(connection)
    try {
      await connection.connect(address.host, address.port)
      // Only now there is a socket that could be destroyed.
      if (this.#closed) throw new TidemarkError('KAFKA_UNREACHABLE', 'closed while connecting')
      const answer = await this.#askVersions(connection)
      return { connection, address, ...readVersions(answer) }
    } catch (thrown) {
      end()
      void connection.close()
      throw translateFailure(thrown, openingRequest, addressName(address))
    }
  }

  async #askVersions(connection: KafkaConnection): Promise<VersionsAnswer> {
    const { clock, connectTimeoutMs } = this.#options
    const cancel = clock.after(connectTimeoutMs, () => this.abandon(connection))
    try {
      return await apiVersionsV3.api.async(connection, 'tidemark', '0.1.0')
    } catch (thrown) {
      const failure = translateFailure(thrown, openingRequest, '')
      const isOlder =
        failure instanceof TidemarkError &&
        failure.cause instanceof ProtocolError &&
        failure.cause.codeName === 'UNSUPPORTED_VERSION'
      if (!isOlder) throw thrown
      return await apiVersionsV0.api.async(connection, '', '')
    } finally {
      cancel()
    }
  }

  async #ready(broker: BrokerConnection): Promise<void> {
    try {
      await broker.connection.ready()
    } catch (thrown) {
      throw translateFailure(thrown, 'SaslAuthenticate', addressName(broker.address))
    }
  }
}

function readVersions(answer: VersionsAnswer): Pick<BrokerConnection, 'versions' | 'features'> {
  return {
    versions: new Map(answer.apiKeys.map((api) => [api.apiKey, [api.minVersion, api.maxVersion]])),
    features: {
      epoch: answer.finalizedFeaturesEpoch ?? -1n,
      levels: new Map(
        (answer.finalizedFeatures ?? []).map((feature) => [feature.name, feature.maxVersionLevel]),
      ),
    },
  }
}
