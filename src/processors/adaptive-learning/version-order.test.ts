/** The order of what versions say, and state of releases that did not know when a version was sent. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { attemptOf } from './attempt.ts'
import { attempt, baseMs, minuteMs, session, training } from './feed.test-support.ts'
import { keptAttemptSerde } from './kept-attempt.ts'
import { sessionOf, sessionSerde } from './session.ts'
import { trainingSerde } from './training.ts'
import { compareContents, type Content } from './version-order.ts'

describe('the order of contents', () => {
  const number = fc.oneof(fc.constantFrom(0, -0, 9, 10), fc.double({ noNaN: true, min: -1e15 }))
  const content: fc.Arbitrary<readonly Content[]> = fc.tuple(
    fc.boolean(),
    fc.option<number>(number),
    fc.option<string>(fc.string({ maxLength: 2 })),
    fc.array(fc.tuple(fc.constantFrom('a', 'b'), number), { maxLength: 3 }),
  )

  test('is one: it tells any two apart, and of three no two ways disagree', () => {
    fc.assert(
      fc.property(content, content, content, (a, b, c) => {
        const sign = (one: Content, other: Content) => Math.sign(compareContents(one, other))
        assert.equal(sign(a, b) + sign(b, a), 0)
        assert.equal(sign(a, b) === 0, isSame(a, b))
        if (sign(a, b) >= 0 && sign(b, c) >= 0) assert.ok(sign(a, c) >= 0)
      }),
    )
  })

  test('is that of numbers, with nothing below something and a part below the whole', () => {
    const ascending: Content[] = [
      null,
      [],
      [false, 30],
      [true, null],
      [true, -0],
      [true, 0],
      [true, 9],
      [true, 10],
      [true, 10, 'a'],
    ]
    assert.deepEqual(ascending.toReversed().sort(compareContents), ascending)
  })

  function isSame(a: Content, b: Content): boolean {
    try {
      assert.deepEqual(a, b)
      return true
    } catch {
      return false
    }
  }
})

/** Bytes as layout 1 wrote them. */
describe('state from before versions had a time of sending is read, and they were sent at their event’s time', () => {
  test('of an attempt', () => {
    const bytes =
      'AQZhbm4EYTEEaTEOYWxnZWJyYQABAaCcAQIIgKCr/vliAAAAAAICDmFsZ2VicmEAAAAAAADgPwCAoKv++WIAAAAA' +
      'AAAABEAAAAAAAAAAAAAAAAAAAAAA0D8AAAAAAAAAAAgAAAAAAAgAAAAAAAaKoKv++WI='
    const event = attempt({ irt_ability_before: { algebra: 0.5 }, quality: 4 })
    const none = [[], [], [], []]
    const undo = {
      sm2: { easinessFactor: 2.5, intervalDays: 0, repetitions: 0 },
      difficulty: 0,
      known: 0.25,
      ability: 0,
      userBuckets: none,
      topicBuckets: none,
    }
    assertRead(keptAttemptSerde, bytes, {
      attempt: attemptOf(event, baseMs, baseMs),
      orderMs: baseMs,
      rank: 0,
      undo,
      revision: 3,
      knownAtMs: baseMs + 5,
    })
  })

  test('of a session', () => {
    const bytes = 'AQZhbm4EczGAoKv++WICgL/0/vliKB4EDmFsZ2VicmEQZ2VvbWV0cnkAEHByYWN0aWNl'
    assertRead(sessionSerde, bytes, sessionOf(session(), baseMs + 10 * minuteMs))
  })

  test('of a training example', () => {
    const bytes =
      'AQR0MQZia3QCAjMCBmFubgIEaTECCmtub3duAAAAAAAA4D8AAgAAAAAAAPA/AgAAAAAAAOg/AoCgq/75YoCgq/75Yg=='
    const example = { event: training(), timestampMs: baseMs, sentMs: baseMs }
    assertRead(trainingSerde, bytes, example)
  })

  function assertRead<T>(
    serde: { serialize: (value: T) => Buffer; deserialize: (bytes: Buffer) => T },
    base64: string,
    wanted: T,
  ): void {
    const plain = (value: T) => JSON.parse(JSON.stringify(value)) as unknown
    const read = serde.deserialize(Buffer.from(base64, 'base64'))
    assert.deepEqual(plain(read), plain(wanted))
    assert.deepEqual(plain(serde.deserialize(serde.serialize(read))), plain(wanted))
  }
})
