import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { topicName } from '../core/record.ts'
import type { Log, LogOutage } from '../log/log.ts'
import type { AddedPartitions, RuntimeStatus } from '../runtime/runtime-status.ts'
import { firstOf, outageOf, tellConditions, unreadPartitions } from './conditions.ts'

test('brokers that stay away are told once when it begins and once when it is over', async () => {
  const clock = new ManualClock()
  const log = { outage: null as LogOutage | null }
  const condition = outageOf(log as Log, clock, ['a:9092', 'b:9092'])
  const lines: string[] = []
  const stop = tellConditions([condition], clock, (line) => lines.push(line))
  log.outage = { sinceMs: clock.nowMs(), reason: 'refused' }
  clock.advance(1_500)
  assert.deepEqual([lines, condition.text()], [[], null], 'a short absence')
  clock.advance(60_000)
  assert.deepEqual(lines, [
    'the brokers at a:9092, b:9092 cannot be reached since 1970-01-01T00:00:00.000Z: refused; ' +
      'tasks wait, and go on by themselves',
  ])
  assert.equal(condition.text(), lines[0])
  log.outage = null
  clock.advance(60_000)
  assert.deepEqual(lines.slice(1), ['the brokers at a:9092, b:9092 answer again'])
  log.outage = { sinceMs: clock.nowMs(), reason: 'refused' }
  await stop()
  clock.advance(60_000)
  assert.equal(lines.length, 2)
})

test('added partitions are told with what is known, what is there and what to do', () => {
  const added: AddedPartitions = {
    ...{ topologyName: 'scores', subTopology: 0, topic: topicName('answers') },
    ...{ known: 2, now: 4, unread: 7, effect: 'keys-move' },
  }
  const status = { addedPartitions: [added] }
  const condition = unreadPartitions(() => status as unknown as RuntimeStatus)
  const text = firstOf([{ text: () => null, over: '' }, condition]) ?? ''
  assert.match(text, /topic answers was given partitions while scores reads it: 2 are known, 4 /)
  assert.match(
    text,
    /nobody reads the added ones, with 7 records in them;.*new one of 4 part.*reset/,
  )
  status.addedPartitions[0] = { ...added, unread: 1, effect: 'stateless' }
  assert.match(condition.text() ?? '', /with 1 record in them; set the topic's partitionCount to 4/)
  status.addedPartitions.length = 0
  assert.equal(condition.text(), null)
})
