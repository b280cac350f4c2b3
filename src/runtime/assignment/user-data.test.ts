import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { assignmentVersion, decodeAssignment, encodeAssignment } from './assignment-user-data.ts'
import {
  decodeSubscription,
  encodeSubscription,
  subscriptionVersion,
} from './subscription-user-data.ts'

const plain = { noNullPrototype: true }
const offset = fc.maxSafeNat().map((most) => Math.min(most, Number.MAX_SAFE_INTEGER - 1))
const text = fc.string({ unit: 'binary', maxLength: 12 })

const anySubscription = fc.record(
  {
    processId: text,
    endpoint: fc.option(text),
    rack: fc.option(text),
    capacity: fc.integer({ min: 1, max: 1_000 }),
    states: fc.array(
      fc.record(
        {
          taskId: text,
          isRunning: fc.boolean(),
          offsetSum: offset,
          endOffsetSum: fc.option(offset),
        },
        plain,
      ),
      { maxLength: 6 },
    ),
  },
  plain,
)

const ids = fc.array(text, { maxLength: 5 })

const anyAssignment = fc.record(
  {
    active: ids,
    standby: ids,
    awaited: ids,
    hosts: fc
      .array(fc.tuple(text, fc.record({ active: ids, standby: ids }, plain)), { maxLength: 4 })
      .map((entries) => new Map(entries)),
    probingRebalanceAfterMs: fc.option(fc.nat()),
    processIds: ids,
  },
  plain,
)

/** As a release to come would write it: its own version, and more at the end. */
function fromTheFuture(bytes: Buffer, oldestReader: number): Buffer {
  const body = inflateRawSync(bytes.subarray(4))
  return Buffer.concat([
    bytes.subarray(0, 2),
    Buffer.from([9, oldestReader]),
    deflateRawSync(Buffer.concat([body, Buffer.from('what nobody knows yet')])),
  ])
}

describe('user data of members', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(anySubscription, anyAssignment, (subscription, assignment) => {
        assert.deepEqual(decodeSubscription(encodeSubscription(subscription)), {
          version: subscriptionVersion,
          ...subscription,
        })
        assert.deepEqual(decodeAssignment(encodeAssignment(assignment)), {
          version: assignmentVersion,
          ...assignment,
        })
      }),
      { numRuns: 1_000 },
    )
  })

  test('is understood where an older version wrote it, without what that did not know', () => {
    fc.assert(
      fc.property(anySubscription, anyAssignment, (subscription, assignment) => {
        assert.deepEqual(decodeSubscription(encodeSubscription(subscription, 1)), {
          ...subscription,
          version: 1,
          rack: null,
          states: subscription.states.map((state) => ({ ...state, endOffsetSum: null })),
        })
        assert.deepEqual(
          encodeSubscription({ ...subscription, rack: 'a rack' }, 1),
          encodeSubscription(subscription, 1),
        )
        assert.deepEqual(
          encodeAssignment({ ...assignment, probingRebalanceAfterMs: 7, processIds: ['a'] }, 1),
          encodeAssignment(assignment, 1),
        )
        assert.deepEqual(decodeAssignment(encodeAssignment(assignment, 1)), {
          ...assignment,
          version: 1,
          probingRebalanceAfterMs: null,
          processIds: [],
        })
      }),
      { numRuns: 1_000 },
    )
  })

  test('is understood where a newer version wrote it, unless that says it cannot be', () => {
    fc.assert(
      fc.property(anySubscription, anyAssignment, (subscription, assignment) => {
        const newer = encodeSubscription(subscription)
        assert.deepEqual(decodeSubscription(fromTheFuture(newer, 1)), {
          ...subscription,
          version: 9,
        })
        assert.equal(decodeSubscription(fromTheFuture(newer, 3)), null)
        assert.deepEqual(decodeAssignment(fromTheFuture(encodeAssignment(assignment), 2)), {
          ...assignment,
          version: 9,
        })
      }),
      { numRuns: 300 },
    )
  })

  test("is nothing where the bytes are another program's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, isMarked) => {
        const foreign = Buffer.concat([Buffer.from(isMarked ? 'TM\x01\x01' : ''), bytes])
        for (const decoded of [decodeSubscription(foreign), decodeAssignment(foreign)]) {
          assert.ok(decoded === null || decoded.version === 1)
        }
      }),
      { numRuns: 1_000 },
    )
    assert.equal(decodeSubscription(Buffer.alloc(0)), null)
    assert.equal(decodeAssignment(Buffer.from('range')), null)
  })

  test('of 1,000 tasks on 50 hosts fits a group of 50 into the megabyte that a broker takes', () => {
    const hosts = new Map(
      Array.from({ length: 50 }, (_, host) => {
        const of = (from: number) =>
          Array.from(
            { length: 20 },
            (_, task) => `interactions-0_${(from + host * 20 + task) % 1_000}`,
          )
        return [`tidemark-${host}.tidemark.svc:8080`, { active: of(0), standby: of(500) }] as const
      }),
    )
    const [first] = hosts.values()
    const bytes = encodeAssignment({
      active: first?.active ?? [],
      standby: first?.standby ?? [],
      awaited: [],
      hosts,
      probingRebalanceAfterMs: null,
      processIds: [...hosts.keys()],
    })
    assert.ok(bytes.length < 1024 * 1024 * 0.9 * (1 / 50), `${bytes.length} bytes a member`)
  })
})
