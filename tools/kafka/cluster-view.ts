/** What a cluster says of itself: who controls, leads and coordinates. Asked anew each time. */
import {
  Connection,
  describeQuorumV2,
  findCoordinatorV6,
  metadataV12,
  type APIWithPromise,
} from '@platformatic/kafka'
import { setTimeout as delay } from 'node:timers/promises'
import { host } from './broker-properties.ts'

export type CoordinatorKind = 'group' | 'transaction'

const requestTimeoutMs = 5_000
const pollMs = 50

export class ClusterView {
  readonly #ports: readonly number[]

  /** @param ports of the brokers' internal listeners; any that answers is asked */
  constructor(ports: readonly number[]) {
    this.#ports = ports
  }

  async brokerIds(): Promise<number[]> {
    const { brokers } = await this.#ask(metadataV12.api.async, [] as string[], false, false)
    return brokers.map(({ nodeId }) => nodeId)
  }

  /** The leader of the controllers' quorum. */
  async controllerId(): Promise<number> {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const quorum = await this.#ask(describeQuorumV2.api.async, topics)
    const leader = quorum.topics[0]?.partitions[0]?.leaderId
    if (leader === undefined || leader < 0) throw new Error('the controllers have no leader')
    return leader
  }

  async leaderId(topic: string, partition: number): Promise<number> {
    const { topics } = await this.#ask(metadataV12.api.async, [topic], false, false)
    const found = topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
    if (found === undefined || found.leaderId < 0) {
      throw new Error(`${topic}-${partition} has no leader`)
    }
    return found.leaderId
  }

  async coordinatorId(kind: CoordinatorKind, key: string): Promise<number> {
    const keyType = kind === 'group' ? 0 : 1
    const { coordinators } = await this.#ask(findCoordinatorV6.api.async, keyType, [key])
    const found = coordinators[0]
    if (found === undefined || found.errorCode !== 0) {
      throw new Error(`${kind} ${key} has no coordinator`)
    }
    return found.nodeId
  }

  /** One request to the first broker that answers. */
  async #ask<Request extends unknown[], Response>(
    api: APIWithPromise<Request, Response>,
    ...request: Request
  ): Promise<Response> {
    const errors: unknown[] = []
    for (const port of this.#ports) {
      const connection = new Connection('tidemark-tools', {
        connectTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
      })
      // Without a listener a connection that is reset ends the process; who waits for an answer hears of it all the same.
      connection.on('error', () => undefined)
      try {
        await connection.connect(host, port)
        return await api(connection, ...request)
      } catch (error) {
        errors.push(error)
      } finally {
        await connection.close().catch(() => undefined)
      }
    }
    throw new AggregateError(errors, `no broker answers on ${host}:${this.#ports.join(', ')}`)
  }
}

/** Asks until `condition` answers something. @throws Error that names the condition, after `waitMs` */
export async function until<Result>(
  name: string,
  waitMs: number,
  condition: () => Promise<Result | undefined>,
): Promise<Result> {
  const giveUpAt = performance.now() + waitMs
  for (;;) {
    let reason: unknown
    try {
      const result = await condition()
      if (result !== undefined) return result
    } catch (error) {
      reason = error
    }
    if (performance.now() > giveUpAt) {
      throw new Error(`${name}: not after ${waitMs / 1000} s`, { cause: reason })
    }
    await delay(pollMs)
  }
}
