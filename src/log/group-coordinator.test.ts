import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Partition, TopicName, TopicPartition } from '../core/record.ts'
import { stickyTaskAssignor } from './group-assignor.ts'
import type { GroupAssignor } from './group-assignor.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type { JoinGroupOptions } from './log.ts'

const topic = 'answers' as TopicName

function fresh() {
  const coordinator = new GroupCoordinator(stickyTaskAssignor, () => 4)
  const events: string[] = []
  const join = (who: string, extra: Partial<JoinGroupOptions> = {}) => {
    const write = (what: string) => (partitions: readonly TopicPartition[]) => {
      events.push(`${who}${what}${partitions.map(({ partition }) => partition).join()}`)
      return Promise.resolve()
    }
    return coordinator.join({
      groupId: 'group',
      topics: [topic],
      userData: () => Buffer.from(who),
      onAssigned: write('+'),
      onRevoked: write('-'),
      onAssignment: (userData) => {
        events.push(`${who} hears ${userData.toString()}`)
        return Promise.resolve()
      },
      ...extra,
    })
  }
  return { coordinator, events, join }
}

/** All to the first by name; everyone is told what everyone said. */
const allToFirst: GroupAssignor = (members) => {
  const said = members.map(({ userData }) => userData.toString()).sort()
  return new Map(
    members.map(({ memberId, userData }) => [
      memberId,
      {
        partitions:
          userData.toString() === said[0]
            ? [0, 1, 2, 3].map((partition) => ({ topic, partition: partition as Partition }))
            : [],
        userData: Buffer.from(said.join('&')),
      },
    ]),
  )
}

describe('groups inside one process', () => {
  test("are shared out by the first member's assignor, and the user data comes before the partitions", async () => {
    const { events, join } = fresh()
    const assignor = allToFirst
    const b = await join('b', { assignor })
    assert.deepEqual(events.splice(0), ['b hears b', 'b+0,1,2,3'])
    const a = await join('a', { assignor })
    assert.deepEqual(events.splice(0), ['b-0,1,2,3', 'b hears a&b', 'a hears a&b', 'a+0,1,2,3'])
    assert.equal(b.assigned.length, 0)
    await a.leave()
    assert.deepEqual(events, ['a-0,1,2,3', 'b hears b', 'b+0,1,2,3'])
  })

  test('ask for the user data anew when a member wants to join again', async () => {
    const { events, join } = fresh()
    let name = 'b'
    const over = Promise.withResolvers<undefined>()
    const b = await join('b', { assignor: allToFirst, userData: () => Buffer.from(name) })
    const c = await join('c', {
      onAssigned: () => {
        over.resolve(undefined)
        return Promise.resolve()
      },
    })
    events.length = 0
    name = 'd'
    const before = b.metadata.generationId
    await b.rejoin()
    await over.promise
    assert.deepEqual(events, ['b-0,1,2,3', 'b hears c&d', 'c hears c&d'])
    assert.equal(b.metadata.generationId, before + 1)
    assert.equal(c.assigned.length, 4)
  })

  test('take a rejoin that is asked for in the middle of a rebalance', async () => {
    const { join } = fresh()
    let rejoins = 0
    const a = await join('a', {
      assignor: allToFirst,
      onAssignment: async () => {
        if (rejoins++ === 1) await a.rejoin()
      },
    })
    await join('b')
    await join('c')
    assert.equal(rejoins, 4)
    assert.equal(a.assigned.length, 4)
  })

  test('go on without a member whose assignor, user data handler or later callback fails', async () => {
    const { join } = fresh()
    const broken = () => Promise.reject(new Error('broken'))
    await assert.rejects(
      join('a', {
        assignor: () => {
          throw new Error('broken assignor')
        },
      }),
      /broken assignor/,
    )
    await assert.rejects(join('b', { onAssignment: broken }), /broken/)
    const c = await join('c')
    assert.equal(c.assigned.length, 4)
    await assert.rejects(join('d', { onAssigned: broken }), /broken/)
    assert.equal(c.assigned.length, 4)
    const nobodysAssignor: GroupAssignor = () => new Map()
    await assert.rejects(
      fresh().join('e', { assignor: nobodysAssignor }),
      /assignment of group-1 is absent/,
    )
  })
})
