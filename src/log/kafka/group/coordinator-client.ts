/** One member's requests to the coordinator of its group: on which connection, and how long each may take. */
import type { Clock } from '../../../core/clock.ts'
import type { Destination, KafkaCluster } from '../kafka-cluster.ts'
import type { GroupSettings } from './group-settings.ts'
import type { JoinAnswer, MemberIdentity } from './group-requests.ts'
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from './group-requests.ts'

export interface CoordinatorClientOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly settings: GroupSettings
  readonly groupId: string
  /** Of no other member in this process: a request that waits holds up all behind it on its connection. */
  readonly lane: string
}

/** Heartbeats and departures of all members. */
const sharedLane = 'group'
/** The answer to a join comes when the last member has joined, or been given up. */
const answerGraceMs = 5_000
/** Whoever leaves does not wait for a coordinator that is gone: the session ends without it. */
const leaveGiveUpMs = 2_000

export class CoordinatorClient {
  readonly #options: CoordinatorClientOptions
  readonly #coordinator: Destination
  #abandonedLanes = 0

  constructor(options: CoordinatorClientOptions) {
    this.#options = options
    this.#coordinator = { kind: 'coordinator', of: 'group', key: options.groupId }
  }

  async join(
    identity: MemberIdentity,
    metadata: Buffer,
    reason: string,
    signal: AbortSignal,
  ): Promise<JoinAnswer> {
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#options.settings
    const request = { ...identity, metadata, reason, sessionTimeoutMs, rebalanceTimeoutMs }
    return await this.#wait(signal, (options) =>
      this.#options.cluster.send(this.#coordinator, joinGroupRequest, request, options),
    )
  }

  async sync(
    identity: MemberIdentity,
    generationId: number,
    assignments: ReadonlyMap<string, Buffer>,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const request = { ...identity, generationId, assignments }
    return await this.#wait(signal, (options) =>
      this.#options.cluster.send(this.#coordinator, syncGroupRequest, request, options),
    )
  }

  async heartbeat(identity: MemberIdentity, generationId: number): Promise<void> {
    const { cluster, settings } = this.#options
    await cluster.send(
      this.#coordinator,
      heartbeatRequest,
      { ...identity, generationId },
      // Two more can be tried within the session.
      { lane: sharedLane, requestTimeoutMs: Math.ceil(settings.sessionTimeoutMs / 3) },
    )
  }

  async leave(identity: MemberIdentity, reason: string): Promise<void> {
    const { cluster } = this.#options
    await cluster.retry(
      this.#coordinator,
      leaveGroupRequest,
      { ...identity, reason },
      { lane: sharedLane, requestTimeoutMs: leaveGiveUpMs, giveUpAfterMs: leaveGiveUpMs },
    )
  }

  async #wait<Response>(
    signal: AbortSignal,
    send: (options: {
      lane: string
      requestTimeoutMs: number
      signal: AbortSignal
    }) => Promise<Response>,
  ): Promise<Response> {
    const { lane, settings } = this.#options
    const requestTimeoutMs = settings.rebalanceTimeoutMs + answerGraceMs
    const name = `${lane}.${this.#abandonedLanes}`
    try {
      return await send({ lane: name, requestTimeoutMs, signal })
    } catch (failure) {
      // Its connection waits for an answer that nobody wants: the next request takes another.
      if (signal.aborted) this.#abandonedLanes++
      throw failure
    }
  }
}
