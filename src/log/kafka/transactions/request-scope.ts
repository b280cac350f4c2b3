/**
 * The requests that belong together: those of one transaction, of its end, of an initialisation. Each is repeated
 * while its failure passes and there is time; once one has failed for good, none of the scope is sent any more.
 */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { backOffMs } from '../connections/back-off.ts'
import type { Destination, KafkaCluster, RequestKind, SendOptions } from '../kafka-cluster.ts'
import { gravest, isAnswerLost, reactionTo } from './transaction-reactions.ts'

/** A transaction that is being completed is so within milliseconds. */
const soonFirstMs = 1
const soonMaxMs = 20

export interface ScopeOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly random: () => number
  readonly lane: string
  readonly giveUpAfterMs: number
  readonly requestTimeoutMs: number
  /** Called before each further attempt's wait. */
  readonly onRetry?: () => void
}

export class RequestScope {
  readonly cluster: KafkaCluster
  readonly #options: ScopeOptions
  readonly #deadlineMs: number
  #failure: { readonly thrown: unknown } | null = null
  #answersLost = 0

  constructor(options: ScopeOptions) {
    this.cluster = options.cluster
    this.#options = options
    this.#deadlineMs = options.clock.monotonicMs() + options.giveUpAfterMs
  }

  /** Why nothing is sent any more; null while all is well. */
  get failure(): { readonly thrown: unknown } | null {
    return this.#failure
  }

  /** How many requests may or may not have been carried out. */
  get answersLost(): number {
    return this.#answersLost
  }

  async send<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
    options: SendOptions = {},
  ): Promise<Response> {
    if (this.#failure !== null) throw this.#failure.thrown
    const { lane, requestTimeoutMs } = this.#options
    return await this.cluster.send(to, kind, request, { lane, requestTimeoutMs, ...options })
  }

  /** Calls until it succeeds. Its failure for good is the scope's, unless it is a refusal of a part. */
  async repeat<T>(attempt: () => Promise<T>): Promise<T> {
    for (let attemptNumber = 0; ; attemptNumber++) {
      try {
        return await attempt()
      } catch (thrown) {
        await this.pauseAfter(thrown, attemptNumber)
      }
    }
  }

  /** From now on nothing is sent. Of several failures the gravest stays. */
  fail(thrown: unknown): void {
    const before = this.#failure
    if (before === null || gravest([before.thrown, thrown]) !== before.thrown) {
      this.#failure = { thrown }
    }
  }

  /** Waits as the failure wants it, or throws it where the request is not to be repeated. */
  async pauseAfter(thrown: unknown, attemptNumber: number): Promise<void> {
    if (isAnswerLost(thrown)) this.#answersLost++
    const reaction = reactionTo(thrown)
    const delayMs = this.#delayMs(reaction, attemptNumber)
    const { clock, onRetry } = this.#options
    if (delayMs === null || clock.monotonicMs() + delayMs >= this.#deadlineMs) {
      if (reaction !== 'refuse') this.fail(thrown)
      throw thrown
    }
    onRetry?.()

    await pause(clock, delayMs)
  }

  #delayMs(reaction: ReturnType<typeof reactionTo>, attemptNumber: number): number | null {
    switch (reaction) {
      case 'again-soon':
        return Math.min(soonMaxMs, soonFirstMs * 2 ** Math.min(attemptNumber, 10))
      case 'again':
        return backOffMs(attemptNumber, this.#options.random)
      default:
        return null
    }
  }
}
