/** Groups on a real broker: who joins, leaves, falls silent and comes back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pause, systemClock } from '../../src/core/clock.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import type { GroupAssignor } from '../../src/log/group-assignor.ts'
import { removeMembers } from '../../src/log/kafka/admin/kafka-group-admin.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import { brief, eventually, patient, testGroup } from './group-support.ts'
import type { TestMember } from './group-support.ts'
import { clusterForTests, kafkaTest } from './support/kafka-for-tests.ts'
import { shortSessionMs } from './support/short-session.ts'

/** What was taken from the member while it ran. */
function taken({ events }: TestMember): string[] {
  return events.filter((event) => event.startsWith('-') || event.startsWith('!'))
}

kafkaTest(
  'members share partitions as they come and go, and what stays never stops',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 6)
    const a = await group.join('a')
    assert.deepEqual(a.events, ['=', '+0,1,2,3,4,5'])
    assert.equal(a.member.assigned.length, 6)

    const b = await group.join('b')
    await group.settled(
      new Map([
        [a, 3],
        [b, 3],
      ]),
    )
    assert.deepEqual(taken(a), ['-3,4,5'])
    assert.deepEqual(
      b.events.filter((event) => event !== '='),
      ['+3,4,5'],
    )

    const c = await group.join('c')
    await group.settled(
      new Map([
        [a, 2],
        [b, 2],
        [c, 2],
      ]),
    )
    assert.equal(taken(a).length + taken(b).length, 3)
    assert.deepEqual(taken(c), [])
    assert.ok(taken(b).every((event) => event.length === 2))

    await b.member.leave()
    assert.equal(b.held.size, 0)
    await group.settled(
      new Map([
        [a, 3],
        [c, 3],
      ]),
    )
    assert.deepEqual(taken(c), [])
    // The leader goes: another leads on, and those who stay lose nothing.
    const takenBefore = taken(c).length
    await a.member.leave()
    await group.settled(new Map([[c, 6]]))
    assert.equal(taken(c).length, takenBefore)
    const d = await group.join('d')
    await group.settled(
      new Map([
        [c, 3],
        [d, 3],
      ]),
    )
  },
)

kafkaTest('three that join at once each get a third', async (kafka, t) => {
  const group = await testGroup(t, kafka, 9)
  const members = await Promise.all(['a', 'b', 'c'].map((name) => group.join(name)))
  await group.settled(new Map(members.map((member) => [member, 3])))
})

kafkaTest('a member that falls silent is replaced when its session is over', async (kafka, t) => {
  const group = await testGroup(t, kafka, 4)
  const a = await group.join('a', { settings: brief })
  const b = await group.join('b', { settings: brief })
  await group.settled(
    new Map([
      [a, 2],
      [b, 2],
    ]),
  )
  await a.kill()
  await group.settled(new Map([[b, 4]]))
  assert.deepEqual(taken(b), [])
})

kafkaTest(
  'a member is told that its membership is over, also where it has no partitions',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 1)
    const a = await group.join('a')
    const b = await group.join('b')
    await group.settled(
      new Map([
        [a, 1],
        [b, 0],
      ]),
    )
    const cluster = await openCluster({
      bootstrapServers: kafka.servers,
      clientId: 'operator',
      clock: systemClock,
    })
    t.after(() => cluster.close())
    await removeMembers(cluster, group.groupId, {
      members: [{ memberId: b.member.metadata.memberId, groupInstanceId: null }],
      reason: 'a test',
    })
    await eventually('it is told', () => taken(b).includes('!'))
    await group.settled(
      new Map([
        [a, 1],
        [b, 0],
      ]),
    )
    assert.deepEqual(taken(a), [])
  },
)

kafkaTest(
  'a static member that comes back within its session gets its partitions, and nobody else notices',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const a = await group.join('a', { groupInstanceId: 'pod-0' })
    const b = await group.join('b', { groupInstanceId: 'pod-1' })
    await group.settled(
      new Map([
        [a, 2],
        [b, 2],
      ]),
    )
    for (const [which, other] of [
      ['pod-1', a],
      ['pod-0', b],
    ] as const) {
      const eventsBefore = [...other.events]
      const { generationId } = other.member.metadata
      const before = which === 'pod-1' ? b : a
      await before.kill()
      const again = await group.join(`${which} again`, { groupInstanceId: which })
      assert.deepEqual(again.held, before.held)
      assert.equal(again.member.metadata.generationId, generationId)
      assert.equal(again.member.metadata.groupInstanceId, which)
      assert.deepEqual(other.events, eventsBefore)
    }
  },
)

kafkaTest('of two members of one instance id the first is fenced and says so', async (kafka, t) => {
  const group = await testGroup(t, kafka, 4)
  const failures: unknown[] = []
  const first = await group.join('first', {
    groupInstanceId: 'pod-0',
    onFailure: (failure) => failures.push(failure),
  })
  const second = await group.join('second', { groupInstanceId: 'pod-0' })
  await eventually('the first has failed', () => failures.length > 0)
  assert.ok(failures[0] instanceof TidemarkError)
  assert.equal(failures[0].code, 'KAFKA_REFUSED')
  assert.match(failures[0].message, /FENCED_INSTANCE_ID.*group instance id/)
  assert.deepEqual(first.events.slice(-2), ['!0,1,2,3', 'x'])
  assert.equal(first.member.assigned.length, 0)
  await group.settled(new Map([[second, 4]]))
  assert.deepEqual(taken(second), [])
})

kafkaTest('a static member that leaves is gone at once', async (kafka, t) => {
  const group = await testGroup(t, kafka, 4)
  const a = await group.join('a', { groupInstanceId: 'pod-0' })
  const b = await group.join('b', { groupInstanceId: 'pod-1' })
  await group.settled(
    new Map([
      [a, 2],
      [b, 2],
    ]),
  )
  const startMs = systemClock.monotonicMs()
  await b.member.leave()
  t.diagnostic(`left after ${Math.round(systemClock.monotonicMs() - startMs)} ms`)
  await group.settled(new Map([[a, 4]]))
  t.diagnostic(`handed over after ${Math.round(systemClock.monotonicMs() - startMs)} ms`)
})

kafkaTest(
  'user data is asked for at every join, and the answer comes to every member',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 2)
    const heard: string[] = []
    let serial = 0
    const options = (name: string) => ({
      userData: () => Buffer.from(`${name}${serial++}`),
      onAssignment: (userData: Buffer) => {
        heard.push(`${name} hears ${userData.toString()}`)
        return Promise.resolve()
      },
      assignor: assignorOfUserData,
    })
    const a = await group.join('a', options('a'))
    const b = await group.join('b', options('b'))
    await group.settled(
      new Map([
        [a, 1],
        [b, 1],
      ]),
    )
    for (const member of [a, b]) {
      const rounds = heard.length
      const { generationId } = member.member.metadata
      const from = serial
      await member.member.rejoin()
      await eventually('both have heard', () => heard.length >= rounds + 2)
      const last = heard.slice(-2).map((line) => line.replace(/^. hears /, ''))
      assert.equal(last[0], last[1])
      assert.match(last[0] ?? '', new RegExp(`^a(${from}|${from + 1}),b(${from}|${from + 1})$`))
      assert.ok(a.member.metadata.generationId > generationId)
    }
    assert.deepEqual([...taken(b)], [])
  },
)

kafkaTest('partitions that are added to a topic are assigned', async (kafka, t) => {
  const group = await testGroup(t, kafka, 2)
  const settings = { ...patient, topicsIntervalMs: 100 }
  const a = await group.join('a', { settings })
  const b = await group.join('b', { settings })
  await group.settled(
    new Map([
      [a, 1],
      [b, 1],
    ]),
  )
  await group.addPartitions(4)
  await group.settled(
    new Map([
      [a, 2],
      [b, 2],
    ]),
  )
  assert.deepEqual(taken(b), [])
})

kafkaTest(
  'a callback may take longer than the session: heartbeats and joins go on',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const gate = Promise.withResolvers<undefined>()
    let isSlow = false
    const a = await group.join('a', {
      settings: brief,
      onRevoked: () => (isSlow ? gate.promise : Promise.resolve(undefined)),
    })
    isSlow = true
    const b = await group.join('b', {
      settings: brief,
      onAssigned: () => gate.promise,
    })
    await eventually('a is asked to let go', () => taken(a).length > 0)
    await pause(systemClock, shortSessionMs + 1_000)
    assert.deepEqual(taken(a), ['-2,3'])
    gate.resolve(undefined)
    await group.settled(
      new Map([
        [a, 2],
        [b, 2],
      ]),
    )
    assert.deepEqual(taken(a), ['-2,3'])
  },
)

kafkaTest(
  'a member that does not let go in time is out, and begins again when it has',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const gate = Promise.withResolvers<undefined>()
    const settings = { ...patient, rebalanceTimeoutMs: 1_000 }
    let isFirst = true
    const a = await group.join('a', {
      settings,
      onRevoked: () => {
        const wait = isFirst ? gate.promise : Promise.resolve(undefined)
        isFirst = false
        return wait
      },
    })
    const before = a.member.metadata
    const b = await group.join('b', { settings })
    await group.settled(new Map([[b, 4]]))
    assert.equal(a.member.metadata.memberId, before.memberId)
    gate.resolve(undefined)
    await group.settled(
      new Map([
        [a, 2],
        [b, 2],
      ]),
    )
    assert.deepEqual(taken(a), ['-2,3', '!0,1,2,3'])
    assert.notEqual(a.member.metadata.memberId, before.memberId)
  },
)

kafkaTest(
  'a member whose callback throws leaves, and its first throws out of the join',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const a = await group.join('a')
    await assert.rejects(
      group.join('b', { onAssignment: () => Promise.reject(new Error('broken callback')) }),
      /broken callback/,
    )
    await group.settled(new Map([[a, 4]]))
    const failures: unknown[] = []
    const c = await group.join('c', {
      onAssigned: () => Promise.reject(new Error('broken later')),
      onFailure: (failure) => failures.push(failure),
    })
    await eventually('c has failed', () => failures.length > 0)
    assert.match(String(failures[0]), /broken later/)
    await group.settled(new Map([[a, 4]]))
    assert.equal(c.member.assigned.length, 0)
    await assert.rejects(group.join('d', { topics: ['no-such-topic' as never] }), {
      code: 'TOPIC_UNKNOWN',
    })
  },
)

kafkaTest('a group that does not take the member says why', async (kafka, t) => {
  const group = await testGroup(t, kafka, 1)
  await assert.rejects(group.join('a', { settings: { sessionTimeoutMs: 1 } }), {
    code: 'KAFKA_REFUSED',
    message: /INVALID_SESSION_TIMEOUT.*group.min.session.timeout.ms/,
  })
})

void test('a group outlives its coordinator', async (t) => {
  const kafka = await clusterForTests(t, {})
  if (kafka === undefined) return
  const group = await testGroup(t, kafka, 4)
  const [a, b] = [await group.join('a'), await group.join('b')]
  await group.settled(
    new Map([
      [a, 2],
      [b, 2],
    ]),
  )
  const losses = [taken(a).length, taken(b).length]
  const [broker] = kafka.brokers
  for (const how of ['stop', 'kill'] as const) {
    await broker?.[how]()
    await broker?.start()
    const assignments = b.events.length
    await b.member.rejoin()
    await eventually('the group rebalances', () => b.events.length > assignments)
  }
  await group.settled(
    new Map([
      [a, 2],
      [b, 2],
    ]),
  )
  assert.deepEqual([taken(a).length, taken(b).length], losses)
  await b.member.leave()
  await group.settled(new Map([[a, 4]]))
})

/** The n-th partition to the n-th member; everyone is told everyone's user data. */
const assignorOfUserData: GroupAssignor = (members, topics) => {
  const inOrder = [...members].sort((left, right) =>
    `${left.userData}` < `${right.userData}` ? -1 : 1,
  )
  const userData = Buffer.from(inOrder.map((member) => member.userData.toString()).join())
  return new Map(
    inOrder.map((member, index) => {
      const partitions = topics.flatMap(({ name, partitionCount }) =>
        Array.from({ length: partitionCount }, (_, partition) => ({
          topic: name,
          partition: partition as never,
        })).filter(({ partition }) => partition % inOrder.length === index),
      )
      return [member.memberId, { partitions, userData }]
    }),
  )
}
