import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noHeaders, offset, partition, topicName } from '../core/record.ts'
import { InputPartition, InputQueue } from './input-queue.ts'
import { Origin } from './input-record.ts'
import type { InputRecord } from './input-record.ts'

const zero = offset(0)

function input(name: string, broadcast = false): InputPartition {
  return new InputPartition({ topic: topicName(name), partition: partition(0) }, broadcast, zero)
}

/** Adds records with these event times; `end` is where the partition ends. */
function add(to: InputPartition, times: readonly number[], end?: number, nowMs = 0): void {
  const records = times.map((timestampMs, index): InputRecord => {
    const raw = {
      offset: offset(to.fetchOffset + index),
      key: null,
      value: null,
      timestampMs,
      headers: noHeaders,
    }
    return {
      origin: new Origin(to.topic, to.partition, raw),
      record: { key: null, value: null, timestampMs, headers: noHeaders },
      sources: [],
    }
  })
  const nextOffset = offset(to.fetchOffset + times.length)
  to.add(records, { nextOffset, endOffset: offset(end ?? nextOffset) }, nowMs)
}

function taken(queue: InputQueue, recordsMax = 100, nowMs = 0): string[] {
  return queue
    .take(recordsMax, nowMs)
    .map(({ origin, record }) => `${origin.topic}@${record.timestampMs}`)
}

test('across partitions the earliest event goes first, within one their order stays', () => {
  const [a, b] = [input('a'), input('b')]
  const queue = new InputQueue([a, b], 0)
  add(a, [1, 5, 3])
  add(b, [2, 4, 6])
  assert.deepEqual(taken(queue), ['a@1', 'b@2', 'b@4', 'a@5', 'a@3', 'b@6'])
})

test('events of one time go in the order of the topics', () => {
  const [a, b] = [input('a'), input('b')]
  const queue = new InputQueue([a, b], 0)
  add(b, [1, 1])
  add(a, [1])
  assert.deepEqual(taken(queue), ['a@1', 'b@1', 'b@1'])
})

test('a partition that is empty and not at its end holds the others back', () => {
  const [a, b] = [input('a'), input('b')]
  const queue = new InputQueue([a, b], 0)
  add(a, [1, 9])
  assert.equal(queue.readiness(0).kind, 'fetching', 'b was never fetched')
  add(b, [2], 5)
  assert.deepEqual(taken(queue), ['a@1', 'b@2'], 'b has more, maybe before 9')
  assert.equal(queue.readiness(0).kind, 'fetching')
  add(b, [], 2)
  assert.deepEqual(taken(queue), ['a@9'])
})

test('a partition at its end holds the others back for taskIdleMs, no longer', () => {
  const [a, b] = [input('a'), input('b')]
  const queue = new InputQueue([a, b], 100)
  add(a, [1], undefined, 50)
  add(b, [], 0, 50)
  assert.deepEqual(queue.readiness(50), { kind: 'waiting', untilMs: 150 })
  assert.equal(queue.readiness(149).kind, 'waiting')
  assert.equal(queue.readiness(150).kind, 'ready')
})

test('records of broadcast topics go first and hold nobody back', () => {
  const [a, all] = [input('a'), input('all', true)]
  const queue = new InputQueue([a, all], 0)
  add(a, [1])
  assert.equal(queue.readiness(0).kind, 'ready')
  add(all, [7, 8])
  assert.deepEqual(taken(queue), ['all@7', 'all@8', 'a@1'])
})

test('the position is that of the next record, and beyond what the log left out', () => {
  const a = input('a')
  const queue = new InputQueue([a], 0)
  add(a, [1, 2, 3], 6)
  assert.equal(a.position, 0)
  taken(queue, 2)
  assert.deepEqual([a.position, a.buffered], [2, 1])
  a.add([], { nextOffset: offset(6), endOffset: offset(6) }, 0)
  taken(queue)
  assert.deepEqual([a.position, a.isAtEnd], [6, true])
})
