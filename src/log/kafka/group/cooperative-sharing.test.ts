import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import { partitionsWithout, stickyTaskAssignor } from '../../group-assignor.ts'
import type { GroupAssignor } from '../../group-assignor.ts'
import { shareCooperatively } from './cooperative-sharing.ts'
import type { JoinedMember } from './cooperative-sharing.ts'

const topic = 'answers' as TopicName
const topics = [{ name: topic, partitionCount: 6 }]

function at(partition: number): TopicPartition {
  return { topic, partition: partition as Partition }
}

function member(memberId: string, owned: readonly number[], generationId = 5): JoinedMember {
  return {
    memberId,
    groupInstanceId: null,
    subscription: {
      topics: [topic],
      userData: Buffer.alloc(0),
      owned: owned.map(at),
      generationId,
      rack: null,
    },
  }
}

function share(members: readonly JoinedMember[], assignor = stickyTaskAssignor) {
  const shares = shareCooperatively(members, topics, assignor)
  return Object.fromEntries(
    [...shares].map(([id, { partitions }]) => [id, partitions.map((one) => Number(one.partition))]),
  )
}

/** All to one, whoever has them now. */
function everythingTo(memberId: string): GroupAssignor {
  return (members) =>
    new Map(
      members.map((one) => [
        one.memberId,
        {
          partitions: one.memberId === memberId ? [0, 1, 2, 3, 4, 5].map(at) : [],
          userData: Buffer.alloc(0),
        },
      ]),
    )
}

describe('the cooperative sharing of partitions', () => {
  test('withholds what another member owns, and gives it out when that has let go', () => {
    const before = [member('a', [0, 1, 2, 3, 4, 5]), member('b', [], -1)]
    assert.deepEqual(share(before), { a: [0, 1, 2], b: [] })
    const after = [member('a', [0, 1, 2], 6), member('b', [], 6)]
    assert.deepEqual(share(after), { a: [0, 1, 2], b: [3, 4, 5] })
  })

  test('believes the later generation of two owners, and stops the one that is behind', () => {
    const members = [member('a', [0, 1, 2], 5), member('b', [2, 3, 4, 5], 4)]
    for (const inAnyOrder of [members, members.toReversed()]) {
      assert.deepEqual(share(inAnyOrder), { a: [0, 1, 2], b: [3, 4, 5] })
      assert.deepEqual(share(inAnyOrder, everythingTo('b')), { a: [], b: [3, 4, 5] })
    }
  })

  test('takes a partition that two claim in one generation from both', () => {
    const members = [member('a', [0, 1, 2], 5), member('b', [2, 3, 4, 5], 5)]
    const shares = share(members)
    assert.ok(!Object.values(shares).flat().includes(2))
  })

  test('ends with what the assignor wants, in two rounds, and never gives a partition to two', () => {
    const anyMembers = fc
      .array(fc.option(fc.integer({ min: 0, max: 3 })), { minLength: 6, maxLength: 6 })
      .map((owners) =>
        ['a', 'b', 'c', 'd'].map((id, index) =>
          member(
            id,
            [0, 1, 2, 3, 4, 5].filter((partition) => owners[partition] === index),
          ),
        ),
      )
    fc.assert(
      fc.property(anyMembers, fc.constantFrom(null, 'a', 'd'), (start, all) => {
        const assignor = all === null ? stickyTaskAssignor : everythingTo(all)
        let members = start
        for (let round = 0; round < 2; round++) {
          const shares = shareCooperatively(members, topics, assignor)
          const given = [...shares.values()].flatMap(({ partitions }) => partitions)
          assert.equal(new Set(given.map(topicPartitionId)).size, given.length)
          for (const { memberId, subscription } of members) {
            const own = shares.get(memberId)?.partitions ?? []
            const others = members.filter((other) => other.memberId !== memberId)
            const gained = partitionsWithout(own, subscription.owned)
            const theirs = others.flatMap((other) => other.subscription.owned)
            assert.deepEqual(partitionsWithout(gained, theirs), gained)
          }
          members = members.map((one) => {
            const partitions = shares.get(one.memberId)?.partitions ?? []
            return member(
              one.memberId,
              partitions.map((own) => own.partition),
              6 + round,
            )
          })
        }
        assert.equal(members.flatMap(({ subscription }) => subscription.owned).length, 6)
      }),
      { numRuns: 1_000 },
    )
  })
})
