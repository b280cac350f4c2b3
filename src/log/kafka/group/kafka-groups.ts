/** The groups that a Kafka log is a member of. */
import type { Clock } from '../../../core/clock.ts'
import type { GroupMember, JoinGroupOptions } from '../../log.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { KafkaGroupMember } from './group-member.ts'
import type { GroupSettings } from './group-settings.ts'
import { defaultGroupSettings } from './group-settings.ts'

export interface KafkaGroupsOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly settings?: Partial<GroupSettings>
  readonly rack?: string
  /** Between 0 and 1, for the jitter of the back-off. Default: `Math.random`. */
  readonly random?: () => number
}

export class KafkaGroups {
  readonly #options: KafkaGroupsOptions
  readonly #members = new Set<KafkaGroupMember>()
  #laneCount = 0

  constructor(options: KafkaGroupsOptions) {
    this.#options = options
  }

  /** @throws TidemarkError TOPIC_UNKNOWN | KAFKA_UNREACHABLE | KAFKA_REFUSED, or what the first
   * `onAssignment` or `onAssigned` threw */
  async join(group: JoinGroupOptions): Promise<GroupMember> {
    const { cluster, clock, settings, rack = null, random = Math.random } = this.#options
    const member = new KafkaGroupMember({
      cluster,
      clock,
      settings: { ...defaultGroupSettings, ...settings },
      random,
      rack,
      lane: `group-${group.groupId}-${this.#laneCount++}`,
      group,
    })
    this.#members.add(member)
    await member.join()
    return member
  }

  /** Members that have not left fall silent; they are out of their groups when their sessions are over. */
  close(): void {
    for (const member of this.#members) member.stop()
  }
}
