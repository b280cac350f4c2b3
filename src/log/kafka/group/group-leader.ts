/** What the member does that leads its group: it shares the partitions out, and watches the topics. */
import type { Clock } from '../../../core/clock.ts'
import type { TopicName } from '../../../core/record.ts'
import type { AssignableTopic, GroupAssignor } from '../../group-assignor.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { decodeMemberSubscription, encodeMemberAssignment } from './consumer-protocol.ts'
import { shareCooperatively } from './cooperative-sharing.ts'
import type { JoinAnswer } from './group-requests.ts'
import { knownTopics } from './known-topics.ts'

export interface GroupLeaderOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly assignor: GroupAssignor
  readonly topicsIntervalMs: number
  /** A topic of the group has other partitions than when they were shared out. */
  readonly onTopicsChanged: () => void
}

/** A topic that was just created is not known to every broker at once. */
const missingTopicsIntervalMs = 500

export class GroupLeader {
  readonly #options: GroupLeaderOptions
  #cancelWatch: (() => void) | null = null

  constructor(options: GroupLeaderOptions) {
    this.#options = options
  }

  /** By member; from now on the topics are watched, until `retire`. */
  async share(members: JoinAnswer['members']): Promise<ReadonlyMap<string, Buffer>> {
    const joined = members.map(({ metadata, ...member }) => ({
      ...member,
      subscription: decodeMemberSubscription(metadata),
    }))
    const topics = await this.watch(members)
    const assignments = shareCooperatively(joined, topics, this.#options.assignor)
    return new Map(
      [...assignments].map(([memberId, assignment]) => [
        memberId,
        encodeMemberAssignment(assignment),
      ]),
    )
  }

  /** @returns the topics as they are now */
  async watch(members: JoinAnswer['members']): Promise<readonly AssignableTopic[]> {
    this.retire()
    const subscriptions = members.map(({ metadata }) => decodeMemberSubscription(metadata))
    const names = [...new Set(subscriptions.flatMap(({ topics }) => topics))].sort()
    const topics = await this.#describe(names)
    this.#watchLater(names, topics)
    return topics
  }

  retire(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = null
  }

  #watchLater(names: readonly TopicName[], known: readonly AssignableTopic[]): void {
    const { clock, topicsIntervalMs, onTopicsChanged } = this.#options
    const isMissing = known.length < names.length
    const delayMs = isMissing
      ? Math.min(missingTopicsIntervalMs, topicsIntervalMs)
      : topicsIntervalMs
    const cancel = clock.after(delayMs, () => {
      void this.#describe(names).then(
        (topics) => {
          if (this.#cancelWatch !== cancel) return
          if (countsOf(topics) === countsOf(known)) this.#watchLater(names, known)
          else onTopicsChanged()
        },
        // The cluster cannot say just now; it is asked again.
        () => {
          if (this.#cancelWatch === cancel) this.#watchLater(names, known)
        },
      )
    })
    this.#cancelWatch = cancel
  }

  /** Topics that do not exist are left out: another member may have subscribed to one that is yet to come. */
  async #describe(names: readonly TopicName[]): Promise<AssignableTopic[]> {
    const { cluster } = this.#options
    cluster.forgetTopics(names)
    return await knownTopics(cluster, names)
  }
}

function countsOf(topics: readonly AssignableTopic[]): string {
  return topics.map(({ name, partitionCount }) => `${name} ${partitionCount}`).join('\n')
}
