import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { MemoryStorage } from '../log/memory/memory-storage.ts'
import { StoredLog } from '../log/stored-log.ts'
import { topicSpecs } from '../runtime/topics.ts'
import { ProcessingDelay } from './processing-delay.ts'
import { loadTopologies } from './topologies.ts'

const inHand = 10_000

async function openStage() {
  const clock = new ManualClock(1_700_000_000_000)
  const log = await StoredLog.open(new MemoryStorage(), { clock })
  const topologies = await loadTopologies(['exam-scores'])
  await log.createTopics(
    topicSpecs(
      topologies.map(({ graph }) => graph),
      1,
      false,
    ),
  )
  const first = { partition: partition(0) }
  const record = { key: Buffer.from('k'), value: Buffer.alloc(1), timestampMs: 0, headers: [] }
  const readers = new Map<string, Awaited<ReturnType<typeof log.joinGroup>>>()
  return {
    delay: new ProcessingDelay({ log, clock, topologies, partitions: 1 }),
    clock,
    log,
    append: async (name: string, count: number) => {
      const records = Array.from({ length: count }, () => record)
      await log.append([{ ...first, topic: topicName(name), records }])
    },
    /** The group has done so many of the topic's records. */
    reach: async (groupId: string, name: string, count: number) => {
      const topic = topicName(name)
      let member = readers.get(groupId)
      if (member === undefined) {
        member = await log.joinGroup({
          groupId,
          topics: [topic],
          userData: () => Buffer.alloc(0),
          onAssigned: () => Promise.resolve(),
          onRevoked: () => Promise.resolve(),
          onLost: () => Promise.resolve(),
          onFailure: () => {},
        })
        readers.set(groupId, member)
      }
      await log.commitOffsets(member.metadata, [{ ...first, topic, offset: offset(count) }])
    },
  }
}

test('the delay is what waits before, by how quickly it was done lately, stage by stage', async () => {
  const { delay, clock, append, reach, log } = await openStage()
  const source = 'exam_score'
  assert.equal(await delay.of(source), 0)
  await append(source, 4 * inHand)
  clock.advance(100)
  assert.equal(await delay.of(source), Infinity)
  clock.advance(900)
  await reach('exam-scores', source, inHand)
  // 10,000 in the second since the first look, and 30,000 are left.
  assert.equal(await delay.of(source), 3000)
  clock.advance(1000)
  await reach('exam-scores', source, 3 * inHand)
  assert.equal(await delay.of(source), 0, 'so few are in hand, and no backlog')

  const facts = 'exam_scores.events'
  await append(facts, 3 * inHand)
  await delay.of(source)
  clock.advance(1000)
  await reach('exam-scores-clickhouse', facts, inHand)
  assert.equal(await delay.of(source), 6000, 'since the first look, three seconds ago')
  await log.close()
})

test('what was done long ago says nothing about how quickly it is done now', async () => {
  const { delay, clock, append, reach, log } = await openStage()
  await append('exam_score', inHand)
  await delay.of('exam_score')
  await reach('exam-scores', 'exam_score', inHand)
  clock.advance(3_600_000)
  await append('exam_score', 2 * inHand)
  assert.equal(await delay.of('exam_score'), Infinity)
  await log.close()
})

test('of a topic that nothing reads the delay is not known', async () => {
  const { delay, log } = await openStage()
  assert.equal(await delay.of('answers'), null)
  await log.close()
})
