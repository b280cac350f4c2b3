/** What operators ask of a log that is shared with others: groups, topics and their configuration. Kafka has it. */
import type { TopicName, TopicPartition } from '../core/record.ts'
import type { PartitionOffset } from './log.ts'

export interface GroupMemberId {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface GroupMemberDescription extends GroupMemberId {
  readonly clientId: string
  readonly host: string
  /** As given at the member's last join, and as handed to it by the assignor. */
  readonly userData: Buffer
  readonly assignmentUserData: Buffer
  readonly assigned: readonly TopicPartition[]
}

export interface GroupDescription {
  readonly groupId: string
  readonly state: 'empty' | 'rebalancing' | 'stable' | 'dead'
  readonly members: readonly GroupMemberDescription[]
}

export interface MemberRemoval {
  readonly members: readonly GroupMemberId[]
  /** For the coordinator's log (KIP-800). */
  readonly reason: string
}

export interface LogAdmin {
  /** Null where no such group exists. */
  describeGroup(groupId: string): Promise<GroupDescription | null>
  groupOffsets(groupId: string): Promise<readonly PartitionOffset[]>
  /** Of a group without members. @throws TidemarkError GROUP_ACTIVE */
  alterGroupOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void>
  /** Takes out members that are gone without a word, static ones too; all of the group where none are named. */
  removeMembers(groupId: string, removal?: MemberRemoval): Promise<void>
  deleteGroup(groupId: string): Promise<void>
  topicNames(): Promise<readonly TopicName[]>
  deleteTopics(names: readonly TopicName[]): Promise<void>
  /** Of each topic the identity that it got when it was made: another one once it was deleted and made anew (KIP-516), as
   * of now. A log that is this process's own has none: nobody deletes its topics while it keeps state of them.
   * @throws TidemarkError TOPIC_UNKNOWN */
  topicIds(names: readonly TopicName[]): Promise<ReadonlyMap<TopicName, string>>
  /** What holds for the topic, wherever it is set: on itself, on the broker, or Kafka's default. */
  topicConfiguration(name: TopicName): Promise<ReadonlyMap<string, string>>
  /** The first offset whose record is at or after the time; the end of the partition where there is none. */
  offsetsAt(
    timestampMs: number,
    partitions: readonly TopicPartition[],
  ): Promise<readonly PartitionOffset[]>
}
