/**
 * Fetch requests that wait at the brokers. A request whose answer nobody had the patience for is not sent again when
 * the same is asked for: its answer is taken. So a caller whose partitions are at several brokers goes on with
 * what the first of them has, and loses nothing of the others.
 */
import type { Clock } from '../../../core/clock.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import type { BrokerFetch, FetchResponse } from './fetch-request.ts'
import { fetchRequest } from './fetch-request.ts'

export type FetchOutcome =
  | { readonly kind: 'answer'; readonly response: FetchResponse }
  | { readonly kind: 'failure'; readonly failure: unknown }

/** How long an answer is kept for the caller that went away. */
const keptMs = 1_000
/** Beyond the time that the broker may wait. */
const answerTimeoutMs = 20_000

export interface WaitingFetch {
  readonly key: string
  outcome: FetchOutcome | null
  readonly answered: Promise<void>
}

export class BrokerFetches {
  readonly #cluster: KafkaCluster
  readonly #clock: Clock
  readonly #waiting = new Map<string, WaitingFetch>()
  /** Requests of one connection are answered in order, so each that waits has a connection of its own. */
  readonly #lanesInUse = new Map<BrokerId, Set<number>>()
  readonly #timers = new Set<() => void>()

  constructor(cluster: KafkaCluster, clock: Clock) {
    this.#cluster = cluster
    this.#clock = clock
  }

  /** Sends it, unless the same is waiting already. */
  start(broker: BrokerId, request: BrokerFetch): WaitingFetch {
    const key = keyOf(broker, request)
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting
    const started: WaitingFetch = {
      key,
      outcome: null,
      answered: this.#send(broker, request).then((outcome) => {
        started.outcome = outcome
        this.#forgetLater(started)
      }),
    }
    this.#waiting.set(key, started)
    return started
  }

  /** Its answer was taken. */
  take(fetch: WaitingFetch): void {
    if (this.#waiting.get(fetch.key) === fetch) this.#waiting.delete(fetch.key)
  }

  close(): void {
    this.#waiting.clear()
    for (const cancel of this.#timers) cancel()
  }

  async #send(broker: BrokerId, request: BrokerFetch): Promise<FetchOutcome> {
    const lane = this.#takeLane(broker)
    try {
      const response = await this.#cluster.send(
        { kind: 'broker', id: broker },
        fetchRequest,
        request,
        {
          lane: `fetch-${lane}`,
          requestTimeoutMs: request.waitMaxMs + answerTimeoutMs,
        },
      )
      return { kind: 'answer', response }
    } catch (failure) {
      return { kind: 'failure', failure }
    } finally {
      this.#lanesInUse.get(broker)?.delete(lane)
    }
  }

  #takeLane(broker: BrokerId): number {
    const inUse = this.#lanesInUse.get(broker) ?? new Set<number>()
    this.#lanesInUse.set(broker, inUse)
    let lane = 0
    while (inUse.has(lane)) lane++
    inUse.add(lane)
    return lane
  }

  #forgetLater(fetch: WaitingFetch): void {
    if (this.#waiting.get(fetch.key) !== fetch) return
    const cancel = this.#clock.after(keptMs, () => {
      this.#timers.delete(cancel)
      this.take(fetch)
    })
    this.#timers.add(cancel)
  }
}

function keyOf(broker: BrokerId, request: BrokerFetch): string {
  const { isolation, bytesMax, bytesPerPartitionMax } = request
  const positions = request.partitions.map((at) => `${topicPartitionId(at)}@${at.offset}`).sort()
  // Who does not wait wants to know what there is now.
  const waits = request.waitMaxMs > 0
  return [broker, waits, isolation, bytesMax, bytesPerPartitionMax, ...positions].join(' ')
}
