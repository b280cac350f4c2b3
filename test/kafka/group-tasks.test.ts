/** The assignor of tasks in a group on a real broker: warm-ups before moves, and members of several versions. */
import assert from 'node:assert/strict'
import type { Partition, StoreName, TopicName } from '../../src/core/record.ts'
import {
  assignmentVersion,
  decodeAssignment,
} from '../../src/runtime/assignment/assignment-user-data.ts'
import type { AssignmentUserData } from '../../src/runtime/assignment/assignment-user-data.ts'
import { encodeSubscription } from '../../src/runtime/assignment/subscription-user-data.ts'
import { taskAssignor } from '../../src/runtime/assignment/task-assignor.ts'
import { eventually, testGroup } from './group-support.ts'
import type { TestGroup, TestMember } from './group-support.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'

const endOffset = 50_000

function tasksOf(topic: TopicName, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    id: `0_${index}`,
    subTopology: 0,
    inputs: [{ topic, partition: index as Partition }],
    stores: ['store' as StoreName],
  }))
}

interface TaskMember extends TestMember {
  readonly heard: AssignmentUserData[]
  /** The state of these tasks is complete now. */
  restore(ids: readonly string[]): void
}

/** What it runs it holds; what it keeps as a standby or warm-up it holds once the test says so. */
async function joinWithTasks(
  group: TestGroup,
  name: string,
  { count, version }: { count: number; version?: number },
): Promise<TaskMember> {
  const restored = new Set<string>()
  const running = new Set<string>()
  const heard: AssignmentUserData[] = []
  const joined = await group.join(name, {
    assignor: taskAssignor({ tasks: tasksOf(group.topic, count) }),
    userData: () =>
      encodeSubscription(
        {
          processId: name,
          endpoint: `${name}:1`,
          rack: null,
          capacity: 1,
          states: tasksOf(group.topic, count).map(({ id }) => ({
            taskId: id,
            isRunning: running.has(id),
            offsetSum: restored.has(id) || running.has(id) ? endOffset : 0,
            endOffsetSum: endOffset,
          })),
        },
        version,
      ),
    onAssignment: (userData) => {
      const data = decodeAssignment(userData)
      assert.ok(data !== null)
      heard.push(data)
      return Promise.resolve()
    },
    onAssigned: (partitions) => {
      for (const { partition } of partitions) running.add(`0_${partition}`)
      return Promise.resolve()
    },
    onRevoked: (partitions) => {
      for (const { partition } of partitions) {
        running.delete(`0_${partition}`)
        restored.add(`0_${partition}`)
      }
      return Promise.resolve()
    },
  })
  return Object.assign(joined, {
    heard,
    restore: (ids: readonly string[]) => {
      for (const id of ids) restored.add(id)
    },
  })
}

kafkaTest(
  'a task moves when its warm-up has caught up, and then nobody probes any more',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const a = await joinWithTasks(group, 'a', { count: 4 })
    const b = await joinWithTasks(group, 'b', { count: 4 })
    await eventually('b warms up two', () => b.heard.at(-1)?.awaited.length === 2)
    assert.equal(a.held.size, 4)
    assert.deepEqual(
      a.events.filter((event) => event.startsWith('-')),
      [],
    )
    // Each hears of a generation at its own time.
    await eventually('one of them probes', () =>
      [a, b].some(({ heard }) => typeof heard.at(-1)?.probingRebalanceAfterMs === 'number'),
    )

    const warm = b.heard.at(-1)?.awaited ?? []
    b.restore(warm)
    await b.member.rejoin()
    await group.settled(
      new Map([
        [a, 2],
        [b, 2],
      ]),
    )
    await eventually('nobody probes', () =>
      [a, b].every(({ heard }) => heard.at(-1)?.probingRebalanceAfterMs === null),
    )
    assert.deepEqual([...b.held].map((partition) => `0_${partition}`).sort(), warm.toSorted())
    assert.deepEqual(a.heard.at(-1)?.hosts.get('b:1')?.active, b.heard.at(-1)?.active)
  },
)

kafkaTest(
  'members of an older version of the user data take part, each answered in its own',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const older = await joinWithTasks(group, 'a', { count: 4, version: 1 })
    const newer = await joinWithTasks(group, 'b', { count: 4 })
    await eventually('b warms up', () => (newer.heard.at(-1)?.awaited.length ?? 0) > 0)
    assert.equal(older.heard.at(-1)?.version, 1)
    assert.equal(newer.heard.at(-1)?.version, assignmentVersion)
    assert.notEqual(newer.heard.at(-1)?.probingRebalanceAfterMs, null)
    newer.restore(newer.heard.at(-1)?.awaited ?? [])
    await newer.member.rejoin()
    await group.settled(
      new Map([
        [older, 2],
        [newer, 2],
      ]),
    )
    // The other way about: the newer one leads.
    await older.member.leave()
    await group.settled(new Map([[newer, 4]]))
    const oldAgain = await joinWithTasks(group, 'c', { count: 4, version: 1 })
    await eventually('c warms up', () => oldAgain.heard.at(-1)?.awaited.length === 2)
    assert.equal(oldAgain.heard.at(-1)?.version, 1)
    assert.equal(newer.held.size, 4)
  },
)
