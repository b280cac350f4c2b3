/** What the member does that leads its group: it shares the partitions out, and watches the topics. */
import type { Clock } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { TopicName } from '../../../core/record.ts'
import type { AssignableTopic, GroupAssignor } from '../../group-assignor.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { decodeMemberSubscription, encodeMemberAssignment } from './consumer-protocol.ts'
import { shareCooperatively } from './cooperative-sharing.ts'
import type { JoinAnswer } from './group-requests.ts'

export interface GroupLeaderOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly assignor: GroupAssignor
  readonly topicsIntervalMs: number
  /** A topic of the group has other partitions than when they were shared out. */
  readonly onTopicsChanged: () => void
}

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
    this.#watchLater(names, countsOf(topics))
    return topics
  }

  retire(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = null
  }

  #watchLater(names: readonly TopicName[], known: string): void {
    const { clock, topicsIntervalMs, onTopicsChanged } = this.#options
    const cancel = clock.after(topicsIntervalMs, () => {
      void this.#describe(names).then(
        (topics) => {
          if (this.#cancelWatch !== cancel) return
          if (countsOf(topics) === known) this.#watchLater(names, known)
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
    const ask = async (some: readonly TopicName[]): Promise<AssignableTopic[]> => {
      const topics = await cluster.topics(some)
      return [...topics].map(([name, { partitions }]) => ({
        name,
        partitionCount: partitions.length,
      }))
    }
    const askOne = (name: TopicName) =>
      ask([name]).catch((failure: unknown) => {
        if (isUnknownTopic(failure)) return []
        throw failure
      })
    try {
      return await ask(names)
    } catch (failure) {
      if (!isUnknownTopic(failure)) throw failure
      return (await Promise.all(names.map(askOne))).flat()
    }
  }
}

function isUnknownTopic(failure: unknown): boolean {
  return failure instanceof TidemarkError && failure.code === 'TOPIC_UNKNOWN'
}

function countsOf(topics: readonly AssignableTopic[]): string {
  return topics.map(({ name, partitionCount }) => `${name} ${partitionCount}`).join('\n')
}
