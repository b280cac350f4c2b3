import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Partition, StoreName, TopicName, TopicPartition } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { AssignableMember, MemberAssignment } from '../../log/group-assignor.ts'
import { decodeAssignment } from './assignment-user-data.ts'
import { encodeSubscription, subscriptionVersion } from './subscription-user-data.ts'
import type { TaskStateReport } from './subscription-user-data.ts'
import { taskAssignor } from './task-assignor.ts'
import type { AssignorTask } from './task-assignor.ts'

const answers = 'answers' as TopicName
const tests = 'tests' as TopicName
const topics = [
  { name: answers, partitionCount: 4 },
  { name: tests, partitionCount: 4 },
]

function at(topic: TopicName, partition: number): TopicPartition {
  return { topic, partition: partition as Partition }
}

const tasks: AssignorTask[] = Array.from({ length: 4 }, (_, partition) => ({
  id: `mcq-0_${partition}`,
  subTopology: 0,
  inputs: [at(answers, partition), at(tests, partition)],
  stores: ['summaries' as StoreName],
}))

function state(partition: number, changes: Partial<TaskStateReport> = {}): TaskStateReport {
  return {
    taskId: `mcq-0_${partition}`,
    isRunning: false,
    offsetSum: 0,
    endOffsetSum: null,
    ...changes,
  }
}

interface MemberShape {
  readonly rack?: string
  readonly version?: number
  readonly states?: readonly TaskStateReport[]
  readonly owns?: readonly number[]
  readonly topics?: readonly TopicName[]
  readonly userData?: Buffer
}

function member(name: string, shape: MemberShape = {}): AssignableMember {
  const { rack = null, version = subscriptionVersion, states = [], owns = [] } = shape
  const data = { processId: name, endpoint: `${name}:8080`, rack, capacity: 1, states }
  return {
    memberId: `${name}-id`,
    groupInstanceId: null,
    topics: shape.topics ?? [answers, tests],
    userData: shape.userData ?? encodeSubscription(data, version),
    owned: owns.flatMap((partition) => [at(answers, partition), at(tests, partition)]),
  }
}

function of(result: ReadonlyMap<string, MemberAssignment>, name: string) {
  const assignment = result.get(`${name}-id`)
  assert.ok(assignment !== undefined)
  const data = decodeAssignment(assignment.userData)
  assert.ok(data !== null)
  return { partitions: assignment.partitions.map(topicPartitionId), data }
}

describe('the assignor of tasks', () => {
  test('assigns all inputs of a task to one member, and tells everyone who has what', () => {
    const assign = taskAssignor({ tasks, options: { standbyReplicaCount: 1 } })
    const result = assign([member('a'), member('b')], topics)
    const [a, b] = [of(result, 'a'), of(result, 'b')]
    assert.deepEqual(a.partitions, ['answers-0', 'tests-0', 'answers-2', 'tests-2'])
    assert.deepEqual(a.data.active, ['mcq-0_0', 'mcq-0_2'])
    assert.deepEqual(a.data.standby, ['mcq-0_1', 'mcq-0_3'])
    assert.deepEqual(a.data.hosts, b.data.hosts)
    assert.deepEqual(a.data.hosts.get('b:8080'), {
      active: ['mcq-0_1', 'mcq-0_3'],
      standby: ['mcq-0_0', 'mcq-0_2'],
    })
    assert.equal(a.data.probingRebalanceAfterMs, null)
    for (const { data } of [a, b]) assert.deepEqual(data.processIds, ['a', 'b'])
  })

  test('keeps the copy of a task on another rack than the task', () => {
    const racks = new Map([
      ['a', 'east'],
      ['b', 'east'],
      ['c', 'west'],
      ['d', 'west'],
    ])
    const members = [...racks].map(([name, rack]) => member(name, { rack }))
    const result = taskAssignor({ tasks, options: { standbyReplicaCount: 1 } })(members, topics)
    const rackOf = (kind: 'active' | 'standby', task: string) =>
      [...racks].find(([name]) => of(result, name).data[kind].includes(task))?.[1]
    for (const { id } of tasks) {
      const [active, standby] = [rackOf('active', id), rackOf('standby', id)]
      assert.ok(active !== undefined && standby !== undefined, id)
      assert.notEqual(active, standby, id)
    }
  })

  test('measures lag against the furthest that anyone knows of', () => {
    const states = [0, 1, 2, 3].map((partition) => state(partition, { offsetSum: 100_000 }))
    const behind = [state(0, { offsetSum: 80_000 }), state(1, { offsetSum: 95_000 })]
    const result = taskAssignor({ tasks })(
      [member('a', { states }), member('b', { states: behind })],
      topics,
    )
    // b has none of the state of 2 and 3, and of 0 it lacks too much: one task can be b's at once.
    assert.deepEqual(of(result, 'b').data.active, ['mcq-0_1'])
    assert.deepEqual(of(result, 'b').data.awaited.length, 1)
    assert.notEqual(
      of(result, 'a').data.probingRebalanceAfterMs ?? of(result, 'b').data.probingRebalanceAfterMs,
      null,
    )

    const ended = taskAssignor({ tasks, endOffsetSums: () => new Map([['mcq-0_1', 106_000]]) })
    const later = ended([member('a', { states }), member('b', { states: behind })], topics)
    assert.deepEqual(of(later, 'b').data.awaited.length, 2)
    const told = behind.map((one) => ({ ...one, endOffsetSum: 106_000 }))
    const same = taskAssignor({ tasks })(
      [member('a', { states }), member('b', { states: told })],
      topics,
    )
    assert.deepEqual(of(same, 'b').partitions.length, 0)
  })

  test('answers each member in its own version, and takes one that it cannot read for empty-handed', () => {
    const result = taskAssignor({ tasks })(
      [
        member('a', { version: 1, owns: [0, 1, 2, 3] }),
        member('b'),
        member('c', { userData: Buffer.from('something else') }),
      ],
      topics,
    )
    assert.equal(of(result, 'a').data.version, 1)
    assert.equal(of(result, 'b').data.version, 2)
    assert.deepEqual([...of(result, 'c').data.hosts.keys()], ['a:8080', 'b:8080'])
    const owners = ['a', 'b', 'c'].map((name) => of(result, name).data.active.length)
    assert.deepEqual(owners.toSorted(), [1, 1, 2])
  })

  test('asks one member to probe while a task waits for its warm-up', () => {
    const states = [0, 1, 2, 3].map((partition) =>
      state(partition, { isRunning: true, offsetSum: 50_000 }),
    )
    const assign = taskAssignor({ tasks, options: { probingRebalanceIntervalMs: 7 } })
    const members = [member('a', { states, owns: [0, 1, 2, 3] }), member('b'), member('c')]
    const result = assign(members, topics)
    const asked = ['a', 'b', 'c'].map((name) => of(result, name).data.probingRebalanceAfterMs)
    assert.deepEqual(asked, [7, null, null])
    assert.equal(of(result, 'a').data.active.length, 4)
  })

  test('keeps tasks that read one partition together, and leaves out those whose topic is not there', () => {
    const shared: AssignorTask[] = [
      ...tasks.map((task) => ({ ...task, inputs: [at(answers, Number(task.id.at(-1)))] })),
      ...tasks.map((task) => ({
        ...task,
        id: task.id.replace('0_', '1_'),
        subTopology: 1,
        inputs: [at(answers, Number(task.id.at(-1)))],
        stores: [],
      })),
      { id: 'mcq-2_0', subTopology: 2, inputs: [at('later' as TopicName, 0)], stores: [] },
    ]
    const result = taskAssignor({ tasks: shared })([member('a'), member('b')], topics)
    assert.deepEqual(of(result, 'a').data.active, ['mcq-0_0', 'mcq-1_0', 'mcq-0_2', 'mcq-1_2'])
    assert.deepEqual(of(result, 'a').partitions, ['answers-0', 'answers-2'])
  })

  test('gives a member of another version of the topology only what it has subscribed to', () => {
    const more: AssignorTask[] = [
      ...tasks.map((task) => ({ ...task, inputs: [at(answers, Number(task.id.at(-1)))] })),
      { id: 'mcq-1_0', subTopology: 1, inputs: [at(tests, 0)], stores: [] },
    ]
    const older = member('a', { topics: [answers] })
    const result = taskAssignor({ tasks: more })([older, member('b')], topics)
    assert.ok(of(result, 'b').data.active.includes('mcq-1_0'))
  })
})
