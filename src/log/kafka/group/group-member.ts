/**
 * A member of a Kafka group, by the classic protocol, cooperative (KIP-429).
 *
 *            join, sync                    heartbeat: rebalance, `rejoin()`, topics changed,
 *   joining ------------> stable           partitions were revoked
 *      ^                    |
 *      +--------------------+
 *   Either one -> lost (session over, unknown to the coordinator) -> `onLost` -> joining, as a new member.
 *   Either one -> over: left, or failed for good.
 *
 * Invariants:
 *  1. What stays assigned is never revoked, and runs on while its member joins again.
 *  2. A member says that it owns a partition until its `onRevoked` is over; another gets it after that only.
 *  3. `metadata` is the newest generation joined. It does not change from when a membership is lost until `onLost`
 *     is over, so that nothing begun before can be committed in the name of the next membership. A commit
 *     that is refused with REBALANCE_IN_PROGRESS, or with ILLEGAL_GENERATION while `metadata` has moved on and names
 *     the same member, may go again with the new `metadata`: the partitions are still this member's.
 *  4. Callbacks follow each other; heartbeats and joins do not wait for them, but for a revocation.
 */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { partitionsWithout, stickyTaskAssignor } from '../../group-assignor.ts'
import type { MemberAssignment } from '../../group-assignor.ts'
import type { GroupMember, GroupMetadata, JoinGroupOptions } from '../../log.ts'
import { backOffMs } from '../connections/back-off.ts'
import { isRetriable } from '../connections/failures.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { CallbackQueue } from './callback-queue.ts'
import { decodeMemberAssignment, encodeMemberSubscription } from './consumer-protocol.ts'
import { CoordinatorClient } from './coordinator-client.ts'
import { GroupLeader } from './group-leader.ts'
import type { MemberIdentity } from './group-requests.ts'
import type { GroupSettings } from './group-settings.ts'
import { Heartbeats } from './heartbeats.ts'
import { refusalOf } from './refusal.ts'
import { Signals } from './signals.ts'
import { untilTopicsAreKnown } from './known-topics.ts'

export interface KafkaGroupMemberOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly settings: GroupSettings
  readonly random: () => number
  readonly rack: string | null
  /** Of no other member in this process. */
  readonly lane: string
  readonly group: JoinGroupOptions
}

export class KafkaGroupMember implements GroupMember {
  readonly #options: KafkaGroupMemberOptions
  readonly #group: JoinGroupOptions
  readonly #client: CoordinatorClient
  readonly #leader: GroupLeader
  readonly #heartbeats: Heartbeats
  readonly #callbacks: CallbackQueue
  readonly #signals = new Signals()
  readonly #firstAssignment = Promise.withResolvers<undefined>()
  #hasAssignment = false
  #metadata: GroupMetadata
  #memberId = ''
  #generationId = -1
  #assigned: readonly TopicPartition[] = []
  #ownedGenerationId = -1
  #loop: Promise<void> = Promise.resolve()
  #departure: Promise<void> | null = null

  constructor(options: KafkaGroupMemberOptions) {
    const { cluster, clock, settings, group, lane } = options
    this.#options = options
    this.#group = group
    this.#metadata = { ...this.#identity(), generationId: -1 }
    this.#client = new CoordinatorClient({ cluster, clock, settings, groupId: group.groupId, lane })
    this.#leader = new GroupLeader({
      cluster,
      clock,
      assignor: group.assignor ?? stickyTaskAssignor,
      topicsIntervalMs: settings.topicsIntervalMs,
      onTopicsChanged: () => this.#signals.requestRejoin('topics have changed'),
    })
    this.#heartbeats = new Heartbeats({
      clock,
      intervalMs: settings.heartbeatIntervalMs,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      send: () => this.#sendHeartbeat(),
      onFailure: (failure) => {
        this.#onHeartbeatFailure(failure)
      },
      onExpired: () => this.#signals.lose({ keepsMemberId: true }),
    })
    this.#callbacks = new CallbackQueue((failure) => this.#signals.fail(failure))
    // Rejected by `stop` while nobody waits for it yet.
    this.#firstAssignment.promise.catch(() => undefined)
  }

  /** Resolves when the first assignment has been taken over, which may be empty while others let go of theirs. */
  async join(): Promise<void> {
    await untilTopicsAreKnown(this.#options, this.#group.topics)
    this.#loop = this.#run()
    await this.#firstAssignment.promise
  }

  get metadata(): GroupMetadata {
    return this.#metadata
  }

  get assigned(): readonly TopicPartition[] {
    return this.#assigned
  }

  rejoin(): Promise<void> {
    this.#signals.requestRejoin('asked for by the member')
    return Promise.resolve()
  }

  leave(): Promise<void> {
    this.#departure ??= this.#leave()
    return this.#departure
  }

  /** Without a word to the group, as a process that ends: the session runs out by itself. */
  stop(): void {
    this.#signals.end()
    this.#heartbeats.stop()
    this.#leader.retire()
    this.#firstAssignment.reject(new TidemarkError('KAFKA_UNREACHABLE', 'the Kafka log is closed'))
  }

  async #leave(): Promise<void> {
    this.#signals.end()
    await this.#loop
    const { failure } = this.#signals
    const assigned = this.#assigned
    if (failure === null && assigned.length > 0) {
      await this.#callbacks.add(() => this.#group.onRevoked(assigned))
    }
    await this.#callbacks.idle()
    this.#assigned = []
    await this.#depart('the member leaves')
  }

  async #run(): Promise<void> {
    const { clock, settings } = this.#options
    const giveUpAtMs = clock.monotonicMs() + settings.rebalanceTimeoutMs + settings.sessionTimeoutMs
    for (let attempt = 0; ;) {
      try {
        await this.#rebalance()
        attempt = 0
        await this.#signals.next()
        this.#signals.check()
      } catch (thrown) {
        if (this.#signals.hasEnded) return
        if (this.#signals.failure !== null) {
          await this.#fail(this.#signals.failure)
          return
        }
        if (this.#signals.loss !== null || isLoss(thrown)) {
          await this.#letGo(thrown)
          continue
        }
        const isHopeless = !this.#hasAssignment && clock.monotonicMs() >= giveUpAtMs
        if (!mayPass(thrown) || isHopeless) {
          await this.#fail(thrown)
          return
        }
        await pause(clock, backOffMs(attempt++, this.#options.random), this.#signals.interruption)
      }
    }
  }

  async #rebalance(): Promise<void> {
    const reason = this.#signals.takeRejoin()
    const joined = await this.#join(reason)
    let assignments: ReadonlyMap<string, Buffer> = new Map()
    if (joined.isLeader && !joined.skipsAssignment) {
      assignments = await this.#leader.share(joined.members)
    } else if (joined.isLeader) await this.#leader.watch(joined.members)
    else this.#leader.retire()
    this.#signals.check()
    const { interruption } = this.#signals
    const generationId = this.#generationId
    const bytes = await this.#client.sync(this.#identity(), generationId, assignments, interruption)
    await this.#take(decodeMemberAssignment(bytes), generationId)
  }

  async #join(reason: string) {
    for (;;) {
      const { group, clock, rack } = this.#options
      const metadata = encodeMemberSubscription({
        topics: group.topics,
        userData: group.userData(),
        owned: this.#assigned,
        generationId: this.#ownedGenerationId,
        rack,
      })
      const { interruption } = this.#signals
      this.#signals.isJoining = true
      try {
        const answer = await this.#client.join(this.#identity(), metadata, reason, interruption)
        this.#memberId = answer.memberId
        if (answer.generationId === null) continue
        this.#generationId = answer.generationId
        this.#metadata = { ...this.#identity(), generationId: answer.generationId }
        // The coordinator counts the session anew from when everyone has joined, which is now.
        this.#heartbeats.start(clock.monotonicMs())
        return answer
      } finally {
        this.#signals.isJoining = false
      }
    }
  }

  async #take({ partitions, userData }: MemberAssignment, generationId: number): Promise<void> {
    const revoked = partitionsWithout(this.#assigned, partitions)
    const gained = partitionsWithout(partitions, this.#assigned)
    if (revoked.length > 0) {
      await this.#revoke(revoked)
      this.#signals.check()
    }
    this.#assigned = partitions
    this.#ownedGenerationId = generationId
    const taken = this.#callbacks.add(async () => {
      await this.#group.onAssignment?.(userData)
      if (gained.length > 0) await this.#group.onAssigned(gained)
      this.#hasAssignment = true
      this.#firstAssignment.resolve(undefined)
    })
    if (revoked.length > 0) this.#signals.requestRejoin('partitions were revoked')
    // The first time there is nothing that could go on meanwhile.
    if (!this.#hasAssignment) await taken
  }

  /** The group does not wait for longer than the rebalance time-out. A member that is not done by then gives up its
   * membership, so that what it may still commit is refused. */
  async #revoke(revoked: readonly TopicPartition[]): Promise<void> {
    const { clock, settings } = this.#options
    const done = this.#callbacks.add(() => this.#group.onRevoked(revoked))
    const isDone = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(settings.rebalanceTimeoutMs, () => resolve(false))
      void done.then(() => {
        cancel()
        resolve(true)
      })
    })
    if (isDone) {
      this.#assigned = partitionsWithout(this.#assigned, revoked)
      return
    }
    await this.#depart('the member did not let go of its partitions in time')
    this.#signals.lose({ keepsMemberId: false })
  }

  async #letGo(thrown: unknown): Promise<void> {
    this.#heartbeats.stop()
    this.#leader.retire()
    const lost = this.#assigned
    this.#assigned = []
    this.#ownedGenerationId = -1
    await this.#tellLost(lost)
    const keepsMemberId = this.#signals.takeLoss()?.keepsMemberId ?? !isUnknownMember(thrown)
    // One whose session is over here may be known there still: under its id it need not wait for itself.
    if (!keepsMemberId) this.#memberId = ''
    this.#generationId = -1
  }

  async #fail(thrown: unknown): Promise<void> {
    const failure = refusalOf(thrown, this.#group)
    this.#signals.fail(failure)
    this.#heartbeats.stop()
    this.#leader.retire()
    const lost = this.#assigned
    this.#assigned = []
    await this.#tellLost(lost)
    await this.#depart('the member has failed')
    if (this.#hasAssignment) this.#group.onFailure?.(failure)
    else this.#firstAssignment.reject(failure)
  }

  /** When it resolves, all callbacks are over. After one that failed this one is not called either: it would find
   * things half done. */
  #tellLost(lost: readonly TopicPartition[]): Promise<void> {
    const group = this.#group
    return this.#callbacks.add(async () => {
      if (group.onLost !== undefined) await group.onLost(lost)
      else if (lost.length > 0) await group.onRevoked(lost)
    })
  }

  async #depart(reason: string): Promise<void> {
    this.#heartbeats.stop()
    this.#leader.retire()
    if (this.#memberId === '') return
    const identity = this.#identity()
    this.#memberId = ''
    try {
      await this.#client.leave(identity, reason)
    } catch {
      // It was no member any more, or its session ends without this.
    }
  }

  async #sendHeartbeat(): Promise<void> {
    const identity = this.#identity()
    const generationId = this.#generationId
    try {
      await this.#client.heartbeat(identity, generationId)
    } catch (failure) {
      const { memberId } = identity
      // Of a generation that is over, as this member knows, or is just being told.
      const isStale = memberId !== this.#memberId || generationId !== this.#generationId
      const isOver = hasCode(failure, 'ILLEGAL_GENERATION') && this.#signals.isJoining
      if (isStale || isOver) return
      if (!hasCode(failure, 'REBALANCE_IN_PROGRESS')) throw failure
      if (!this.#signals.isJoining) this.#signals.requestRejoin('the group rebalances')
    }
  }

  #onHeartbeatFailure(failure: unknown): void {
    if (isLoss(failure)) this.#signals.lose({ keepsMemberId: !isUnknownMember(failure) })
    else if (!isRetriable(failure)) this.#signals.fail(failure)
  }

  #identity(): MemberIdentity {
    const { groupId, groupInstanceId = null } = this.#group
    return { groupId, memberId: this.#memberId, groupInstanceId }
  }
}

function hasCode(failure: unknown, ...codeNames: readonly string[]): boolean {
  return failure instanceof ProtocolError && codeNames.includes(failure.codeName)
}

function isUnknownMember(failure: unknown): boolean {
  return hasCode(failure, 'UNKNOWN_MEMBER_ID')
}

function isLoss(failure: unknown): boolean {
  return hasCode(failure, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION')
}

function mayPass(failure: unknown): boolean {
  return isRetriable(failure) || hasCode(failure, 'REBALANCE_IN_PROGRESS')
}
