/** Members of a group for tests: each with connections of its own, and what happened to it written down. */
import { Admin } from '@platformatic/kafka'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import type { TopicName, TopicPartition } from '../../src/core/record.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import type { GroupSettings } from '../../src/log/kafka/group/group-settings.ts'
import { KafkaGroups } from '../../src/log/kafka/group/kafka-groups.ts'
import type { GroupMember, JoinGroupOptions } from '../../src/log/log.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import { shortSessionMs } from './support/short-session.ts'

export const waitMs = 60_000

/** So long that nothing in a test takes as long; a test about time-outs asks for shorter ones. */
export const patient: Partial<GroupSettings> = {
  sessionTimeoutMs: 60_000,
  heartbeatIntervalMs: 50,
  rebalanceTimeoutMs: 60_000,
}

/** A session that is over soon when nobody keeps it up. */
export const brief: Partial<GroupSettings> = { ...patient, sessionTimeoutMs: shortSessionMs }

export interface TestMember {
  readonly name: string
  readonly member: GroupMember
  /** As they began: `+0,2` assigned, `-1` revoked, `!1` lost, `=` an assignment's user data, `x` failed. */
  readonly events: readonly string[]
  /** Partitions by number, as the callbacks made them. */
  readonly held: ReadonlySet<number>
  /** Falls silent, as a process that is killed. */
  kill(): Promise<void>
}

export interface MemberOptions extends Partial<JoinGroupOptions> {
  readonly settings?: Partial<GroupSettings>
  readonly rack?: string
}

export interface TestGroup {
  readonly topic: TopicName
  readonly groupId: string
  join(name: string, options?: MemberOptions): Promise<TestMember>
  /** Waits until each has so many partitions, and no partition two owners. */
  settled(shares: ReadonlyMap<TestMember, number>): Promise<void>
  addPartitions(count: number): Promise<void>
}

export async function testGroup(
  t: TestContext,
  kafka: TestKafka,
  partitionCount: number,
): Promise<TestGroup> {
  const topic = kafka.unique('input') as TopicName
  const groupId = kafka.unique('group')
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.servers] })
  t.after(() => admin.close())
  await admin.createTopics({ topics: [topic], partitions: partitionCount, replicas: 1 })
  const members: TestMember[] = []
  t.after(() => Promise.all(members.map((member) => member.kill())))
  return {
    topic,
    groupId,
    join: async (name, { settings = patient, rack, ...options } = {}) => {
      const cluster = await openCluster({
        bootstrapServers: kafka.servers,
        clientId: name,
        clock: systemClock,
      })
      const groups = new KafkaGroups({
        cluster,
        clock: systemClock,
        settings,
        ...(rack === undefined ? {} : { rack }),
      })
      const events: string[] = []
      const held = new Set<number>()
      const kill = async () => {
        groups.close()
        await cluster.close()
      }
      t.after(kill)
      const member = await groups.join({
        ...recording(events, held, options),
        groupId,
        topics: options.topics ?? [topic],
      })
      const joined = { name, member, events, held, kill }
      members.push(joined)
      return joined
    },
    settled: async (shares) => {
      const holders = [...shares]
      const wanted = () =>
        holders.every(([{ held, member }, count]) => {
          return held.size === count && member.assigned.length === count
        })
      await until(
        `shares of ${holders.map(([{ name }, count]) => `${name} ${count}`).join(', ')}`,
        waitMs,
        () => Promise.resolve(wanted() ? true : undefined),
      ).catch((error: unknown) => {
        const found = holders.map(([{ name, events }]) => `${name}: ${events.join(' ')}`)
        throw new Error(found.join('; '), { cause: error })
      })
      const all = holders.flatMap(([{ held }]) => [...held])
      if (new Set(all).size !== all.length) throw new Error(`two owners of one of ${all.join()}`)
    },
    addPartitions: async (count) => {
      await admin.createPartitions({ topics: [{ name: topic, count, assignments: null }] })
    },
  }
}

function recording(
  events: string[],
  held: Set<number>,
  options: Partial<JoinGroupOptions>,
): Omit<JoinGroupOptions, 'groupId' | 'topics'> {
  const numbers = (partitions: readonly TopicPartition[]) =>
    partitions.map(({ partition }) => Number(partition))
  return {
    userData: () => Buffer.alloc(0),
    ...options,
    onAssigned: async (partitions) => {
      events.push(`+${numbers(partitions).join()}`)
      await options.onAssigned?.(partitions)
      for (const partition of numbers(partitions)) held.add(partition)
    },
    onRevoked: async (partitions) => {
      events.push(`-${numbers(partitions).join()}`)
      await options.onRevoked?.(partitions)
      for (const partition of numbers(partitions)) held.delete(partition)
    },
    onLost: async (partitions) => {
      events.push(`!${numbers(partitions).join()}`)
      await options.onLost?.(partitions)
      for (const partition of numbers(partitions)) held.delete(partition)
    },
    onAssignment: async (userData) => {
      events.push('=')
      await options.onAssignment?.(userData)
    },
    onFailure: (failure) => {
      events.push('x')
      options.onFailure?.(failure)
    },
  }
}

/** Waits until the condition holds. */
export async function eventually(name: string, condition: () => boolean): Promise<void> {
  await until(name, waitMs, () => Promise.resolve(condition() ? true : undefined))
}
