/**
 * Consumer groups inside one process: who is a member, of which generation, with which partitions.
 *
 * A rebalance, in order: 1 share the partitions out; 2 every member that loses some commits and closes them
 * (`onRevoked`), still in the old generation; 3 the generation is over: whoever lost partitions and commits with it
 * is refused (a member that lost nothing may finish what it began); 4 every member takes what it gains
 * (`onAssigned`). Rebalances of a group follow each other. A member whose callback throws has left the group.
 */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { TopicName, TopicPartition } from '../core/record.ts'
import { partitionsWithout } from './group-assignor.ts'
import type { AssignableTopic, GroupAssignor, MemberAssignment } from './group-assignor.ts'
import type { GroupMember, GroupMetadata, JoinGroupOptions } from './log.ts'

interface Member {
  readonly id: string
  readonly options: JoinGroupOptions
  assigned: readonly TopicPartition[]
  /** The generation in which it last lost partitions: what it began before may belong to another now. */
  validFromGeneration: number
  failure: unknown
}

interface Group {
  readonly id: string
  readonly members: Map<string, Member>
  generationId: number
  /** The last rebalance that was asked for. */
  settled: Promise<void>
}

export class GroupCoordinator {
  readonly #groups = new Map<string, Group>()
  readonly #assignor: GroupAssignor
  readonly #partitionCount: (topic: TopicName) => number
  #memberCount = 0

  constructor(assignor: GroupAssignor, partitionCount: (topic: TopicName) => number) {
    this.#assignor = assignor
    this.#partitionCount = partitionCount
  }

  /** @throws TidemarkError TOPIC_UNKNOWN, or what the member's own `onAssigned` threw */
  async join(options: JoinGroupOptions): Promise<GroupMember> {
    for (const topic of options.topics) this.#partitionCount(topic)
    const group = this.#group(options.groupId)
    const id = `${options.groupId}-${++this.#memberCount}`
    const member: Member = {
      id,
      options,
      assigned: [],
      validFromGeneration: group.generationId + 1,
      failure: null,
    }
    group.members.set(id, member)
    await this.#rebalance(group)
    if (!group.members.has(id)) throw member.failure
    return {
      get metadata() {
        return { groupId: group.id, generationId: group.generationId, memberId: id }
      },
      get assigned() {
        return member.assigned
      },
      // Not waited for: a callback of the rebalance that is under way may ask for the next one.
      rejoin: () => {
        void this.#rebalance(group)
        return Promise.resolve()
      },
      leave: () => this.#leave(group, member),
    }
  }

  /** Generation −1 stands for no membership: taken while the group has no members, as in Kafka.
   * @throws TidemarkError PRODUCER_FENCED where the generation is over or the member is gone */
  check(metadata: GroupMetadata): void {
    const group = this.#groups.get(metadata.groupId)
    const empty = group === undefined || group.members.size === 0
    if (metadata.generationId === -1 && empty) return
    const member = group?.members.get(metadata.memberId)
    const { generationId } = metadata
    if (group !== undefined && member !== undefined) {
      if (generationId >= member.validFromGeneration && generationId <= group.generationId) return
    }
    const reason =
      member === undefined
        ? 'it is not a member'
        : `its partitions changed in generation ${member.validFromGeneration}`
    throw new TidemarkError(
      'PRODUCER_FENCED',
      `group ${metadata.groupId} refuses offsets of ${metadata.memberId}, generation ${metadata.generationId}: ${reason}`,
      { details: { ...metadata } },
    )
  }

  #group(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = { id: groupId, members: new Map(), generationId: 0, settled: Promise.resolve() }
      this.#groups.set(groupId, group)
    }
    return group
  }

  async #leave(group: Group, member: Member): Promise<void> {
    if (!group.members.has(member.id)) return
    group.settled = group.settled.then(async () => {
      const { assigned } = member
      if (assigned.length > 0)
        await this.#call(group, member, () => member.options.onRevoked(assigned))
      member.assigned = []
      group.members.delete(member.id)
    })
    await this.#rebalance(group)
  }

  #rebalance(group: Group): Promise<void> {
    group.settled = group.settled.then(() => this.#rebalanceOnce(group))
    return group.settled
  }

  async #rebalanceOnce(group: Group): Promise<void> {
    // Every turn but the last loses a member or gains one, and only `join` makes one.
    for (;;) {
      const wanted = await this.#share(group)
      if (wanted === null) continue
      await this.#revoke(group, wanted)
      const { members } = group
      if (members.size !== wanted.size || ![...members.keys()].every((id) => wanted.has(id))) {
        continue
      }
      group.generationId++
      await this.#assign(group, wanted)
      // A failed callback drops its member, whose partitions are to be shared out again.
      if (members.size === wanted.size) return
    }
  }

  /** Null where the assignor failed, and with it the member whose assignor it is. */
  async #share(group: Group): Promise<ReadonlyMap<string, MemberAssignment> | null> {
    const [leader] = group.members.values()
    if (leader === undefined) return new Map()
    const members = [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.options.groupInstanceId ?? null,
      topics: member.options.topics,
      userData: member.options.userData(),
      owned: member.assigned,
    }))
    const names = [...new Set(members.flatMap((member) => member.topics))].sort()
    const topics: AssignableTopic[] = names.map((name) => ({
      name,
      partitionCount: this.#partitionCount(name),
    }))
    const { assignor = this.#assignor } = leader.options
    let wanted: ReadonlyMap<string, MemberAssignment> | null = null
    await this.#call(group, leader, () => {
      const found = assignor(members, topics)
      wanted = new Map(
        members.map(({ memberId }) => [
          memberId,
          present(found.get(memberId), `assignment of ${memberId}`),
        ]),
      )
      return Promise.resolve()
    })
    return wanted
  }

  async #revoke(group: Group, wanted: ReadonlyMap<string, MemberAssignment>): Promise<void> {
    const members = [...group.members.values()]
    await Promise.all(
      members.map(async (member) => {
        const lost = partitionsWithout(member.assigned, wanted.get(member.id)?.partitions ?? [])
        if (lost.length === 0) return
        await this.#call(group, member, () => member.options.onRevoked(lost))
        member.assigned = partitionsWithout(member.assigned, lost)
        member.validFromGeneration = group.generationId + 1
      }),
    )
  }

  async #assign(group: Group, wanted: ReadonlyMap<string, MemberAssignment>): Promise<void> {
    const members = [...group.members.values()]
    await Promise.all(
      members.map(async (member) => {
        const { partitions: target, userData } = present(wanted.get(member.id), member.id)
        const gained = partitionsWithout(target, member.assigned)
        member.assigned = target
        await this.#call(group, member, async () => {
          await member.options.onAssignment?.(userData)
          if (gained.length > 0) await member.options.onAssigned(gained)
        })
      }),
    )
  }

  async #call(group: Group, member: Member, callback: () => Promise<void>): Promise<void> {
    try {
      await callback()
    } catch (thrown) {
      member.failure = thrown
      member.assigned = []
      group.members.delete(member.id)
    }
  }
}
