import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicName, partition, offset } from '../core/record.ts'
import { IdleTime } from './idle-time.ts'
import { InputPartition } from './input-queue.ts'

function input(): InputPartition {
  return new InputPartition({ topic: topicName('t'), partition: partition(0) }, false, offset(0))
}

function seenAtEnd(at: InputPartition, nowMs: number): void {
  at.add([], { nextOffset: offset(0), endOffset: offset(0) }, nowMs)
}

test('stream time goes on with the clock once all inputs have been quiet for long enough', () => {
  const [one, other] = [input(), input()]
  const idle = new IdleTime(50)
  seenAtEnd(one, 100)
  assert.equal(idle.streamTimeMs([one, other], 7), -Infinity, 'nothing is known of the other')
  seenAtEnd(other, 110)
  assert.equal(idle.streamTimeMs([one, other], 7), -Infinity)
  for (const each of [one, other]) seenAtEnd(each, 159)
  assert.equal(idle.streamTimeMs([one, other], 7), -Infinity)
  for (const each of [one, other]) seenAtEnd(each, 160)
  assert.equal(idle.streamTimeMs([one, other], 7), 57)
  assert.equal(idle.dueMs([one, other], 57, 57), 160)
  assert.equal(idle.dueMs([one, other], 57, 58), null, 'the next fetch has to tell')
})

test('records that came and were over within a millisecond count', () => {
  const one = input()
  const idle = new IdleTime(50)
  seenAtEnd(one, 100)
  assert.equal(idle.streamTimeMs([one], 7), -Infinity)
  assert.equal(idle.streamTimeMs([one], 1000), -Infinity, 'a record has moved it to 1000')
  seenAtEnd(one, 160)
  assert.equal(idle.streamTimeMs([one], 1000), 1060)
  assert.equal(idle.streamTimeMs([one], 1060), 1060)
})

test('while the log cannot be reached stream time stays', () => {
  const [one, other] = [input(), input()]
  const idle = new IdleTime(50)
  for (const each of [one, other]) seenAtEnd(each, 0)
  seenAtEnd(one, 1000)
  assert.equal(idle.streamTimeMs([one, other], 7), -Infinity)
  assert.equal(idle.dueMs([one, other], 7, 60), null)
  seenAtEnd(other, 1000)
  assert.equal(idle.streamTimeMs([one, other], 7), 1007)
})

test('without a delay, and before the first record, idleness says nothing', () => {
  const one = input()
  seenAtEnd(one, 0)
  seenAtEnd(one, 1000)
  assert.equal(new IdleTime(null).streamTimeMs([one], 7), -Infinity)
  assert.equal(new IdleTime(null).dueMs([one], 7, 7), null)
  assert.equal(new IdleTime(50).streamTimeMs([one], -Infinity), -Infinity)
  assert.equal(new IdleTime(50).dueMs([one], -Infinity, 7), null)
})
