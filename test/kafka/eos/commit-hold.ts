/** Commits of instances, held on their way to the broker. */
import { pause, systemClock } from '../../../src/core/clock.ts'
import type { TcpProxy } from '../../../tools/kafka/tcp-proxy.ts'

/** Kafka protocol guide, "API Keys". */
const joinGroup = 11
const syncGroup = 14
/** The two requests of which a commit consists once its records are written. */
export const commitRequests = { TxnOffsetCommit: 28, EndTxn: 26 } as const
export type CommitRequest = keyof typeof commitRequests

/** A member that commits may have to end that before it joins again: less than a session. */
const holdMaxMs = 1_500

export interface HeldCommit {
  readonly clientId: string
  readonly request: CommitRequest
  readonly heldMs: number
  /** The new generation began while the commit was held; else the group waited for it as long as it was. */
  readonly sawNewGeneration: boolean
}

/** Holds the next end of a transaction of an instance until `end`: the records of it are in the log, uncommitted. */
export class EndHold {
  readonly #proxies: readonly TcpProxy[]
  readonly #held = Promise.withResolvers<true>()
  readonly #over = Promise.withResolvers<true>()

  constructor(proxies: readonly TcpProxy[], instanceId: string) {
    this.#proxies = proxies
    for (const proxy of proxies) {
      proxy.watch(({ apiKey, clientId }) => {
        if (apiKey !== commitRequests.EndTxn || clientId !== instanceId) return undefined
        this.#held.resolve(true)
        return this.#over.promise
      })
    }
  }

  get held(): Promise<true> {
    return this.#held.promise
  }

  end(): void {
    for (const proxy of this.#proxies) proxy.watch(null)
    this.#over.resolve(true)
  }
}

/** From when somebody joins the group until the group has its new generation: that rebalance has then come in the middle
 * of that commit. */
export class CommitHold {
  readonly #proxies: readonly TcpProxy[]
  readonly #held = Promise.withResolvers<HeldCommit>()
  readonly #synced = Promise.withResolvers<true>()
  #state: 'before the join' | 'joining' | 'holding' = 'before the join'

  /** From now on it waits for `joiner` to join. */
  constructor(proxies: readonly TcpProxy[], joiner: string, request: CommitRequest) {
    this.#proxies = proxies
    for (const proxy of proxies) {
      proxy.watch(({ apiKey, clientId }) => {
        if (apiKey === joinGroup && clientId === joiner) this.#join()
        if (apiKey === syncGroup && this.#state === 'holding') this.#synced.resolve(true)
        const isDue = this.#state === 'joining' && clientId !== joiner
        return isDue && apiKey === commitRequests[request]
          ? this.#hold(clientId, request)
          : undefined
      })
    }
  }

  /** When a commit was held, and goes on. */
  get held(): Promise<HeldCommit> {
    return this.#held.promise
  }

  end(): void {
    for (const proxy of this.#proxies) proxy.watch(null)
  }

  #join(): void {
    if (this.#state === 'before the join') this.#state = 'joining'
  }

  async #hold(clientId: string, request: CommitRequest): Promise<void> {
    this.#state = 'holding'
    const fromMs = systemClock.monotonicMs()
    const over = pause(systemClock, holdMaxMs).then(() => false)
    const sawNewGeneration = await Promise.race([this.#synced.promise, over])
    const heldMs = Math.round(systemClock.monotonicMs() - fromMs)
    this.#held.resolve({ clientId, request, heldMs, sawNewGeneration })
  }
}
