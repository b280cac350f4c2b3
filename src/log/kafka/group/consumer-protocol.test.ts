import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Partition, TopicName } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import {
  decodeMemberAssignment,
  decodeMemberSubscription,
  encodeMemberAssignment,
  encodeMemberSubscription,
} from './consumer-protocol.ts'

const name = fc.stringMatching(/^[a-z]{1,8}$/).map((text) => text as TopicName)
const partitions = fc.uniqueArray(
  fc.record(
    { topic: name, partition: fc.nat({ max: 99 }).map((index) => index as Partition) },
    { noNullPrototype: true },
  ),
  { maxLength: 8, selector: topicPartitionId },
)
const bytes = fc.uint8Array({ maxLength: 20 }).map((data) => Buffer.from(data))

const grouped = <T extends { topic: TopicName }>(items: readonly T[]): T[] =>
  [...Map.groupBy(items, ({ topic }) => topic).values()].flat()

describe('the protocol of consumers', () => {
  test('gives back what was written, partitions by topic', () => {
    const subscription = fc.record(
      {
        topics: fc.array(name, { maxLength: 4 }),
        userData: bytes,
        owned: partitions.map(grouped),
        generationId: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
        rack: fc.option(fc.constantFrom('eu-1a', 'eu-1b')),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(subscription, partitions.map(grouped), bytes, (given, owned, userData) => {
        assert.deepEqual(decodeMemberSubscription(encodeMemberSubscription(given)), given)
        const assignment = { partitions: owned, userData }
        assert.deepEqual(decodeMemberAssignment(encodeMemberAssignment(assignment)), assignment)
      }),
      { numRuns: 1_000 },
    )
  })

  test("reads the bytes of Kafka's own clients, of the first version on", () => {
    // topics ["t"], user data "u"; then owned t-1,2; then generation 7; then rack "r".
    const hex = [
      '0000',
      '00000001000174',
      '0000000175',
      '0000000100017400000002',
      '0000000100000002',
    ]
    const read = (version: number, ...more: string[]) =>
      decodeMemberSubscription(
        Buffer.from(`000${version}${hex.slice(1, 3).join('')}${more.join('')}`, 'hex'),
      )
    const none = {
      topics: ['t'],
      userData: Buffer.from('u'),
      owned: [],
      generationId: -1,
      rack: null,
    }
    assert.deepEqual(read(0), none)
    const owned = [1, 2].map((partition) => ({ topic: 't', partition }))
    const ownedHex = hex.slice(3).join('')
    assert.deepEqual(read(1, ownedHex), { ...none, owned })
    assert.deepEqual(read(2, ownedHex, '00000007'), { ...none, owned, generationId: 7 })
    const all = { ...none, owned, generationId: 7, rack: 'r' }
    assert.deepEqual(read(3, ownedHex, '00000007', '000172'), all)
    assert.equal(
      encodeMemberSubscription(all as never).toString('hex'),
      `0003${hex.slice(1, 3).join('')}${ownedHex}00000007000172`,
    )
  })

  test('takes no bytes for no partitions', () => {
    assert.deepEqual(decodeMemberAssignment(Buffer.alloc(0)), {
      partitions: [],
      userData: Buffer.alloc(0),
    })
  })
})
