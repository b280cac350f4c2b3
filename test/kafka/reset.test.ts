/** What a broker deletes and sets back: records that were read on their way, and a group whose members are gone. */
import assert from 'node:assert/strict'
import { purgeRepartitionTopics } from '../../src/app/purge.ts'
import { partition, topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import type { ResetPosition } from '../../src/jobs/reset-offsets.ts'
import { carryOutReset, planReset, type ResetOptions } from '../../src/jobs/reset.ts'
import { words as plainWords } from '../../src/runtime/test-support/counting.ts'
import { topicSpecs } from '../../src/runtime/topics.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { testGroup } from './group-support.ts'
import { kafkaTest, type TestKafka } from './support/kafka-for-tests.ts'
import { committedOffsetsOf, offset, ourLogOnly } from './support/our-log.ts'

const nobody = { generationId: -1, memberId: '' }
const startMs = Date.UTC(2026, 2, 1)
const recordCount = 10

function resetOf(log: Awaited<ReturnType<typeof ourLogOnly>>, topology: ResetTopologyOf) {
  return (position: ResetPosition, force: boolean): ResetOptions => ({
    ...{ log, admin: log, state: null, withFacts: false, position, force },
    topologies: [{ facts: [], changelogs: [], repartitions: [], stores: [], ...topology }],
  })
}

type ResetTopologyOf = Pick<ResetOptions['topologies'][number], 'name' | 'inputs'> &
  Partial<ResetOptions['topologies'][number]>

/** As many records to each partition, a second apart. */
async function fill(
  log: Awaited<ReturnType<typeof ourLogOnly>>,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  const records = Array.from({ length: recordCount }, (_, index) => ({
    key: Buffer.from('key'),
    value: Buffer.from('value'),
    timestampMs: startMs + 1000 * index,
  }))
  for (const number of partitions) {
    await log.append([{ topic: topicName(topic), partition: partition(number), records }])
  }
}

function lettersOf(kafka: TestKafka) {
  const words = { ...plainWords, name: topicName(kafka.unique('words')) }
  const name = kafka.unique('letters')
  const texts = { keySerde: stringSerde, valueSerde: stringSerde }
  return defineTopology(name, (builder) => {
    builder
      .stream('word', words)
      .map('letter', (_key, value) => [value?.word[0] ?? '', value?.id ?? ''], texts)
      .groupByKey('by-letter')
      .count('count', { store: 'kept' })
  })
}

kafkaTest('what a task has read of a repartition topic is deleted, no more', async (kafka, t) => {
  const log = await ourLogOnly(t, kafka)
  const topology = lettersOf(kafka)
  await log.createTopics(topicSpecs([topology], 2, true))
  const topic = topicName(`${topology.name}-by-letter-repartition`)
  const starts = async () => {
    const [described] = await log.describeTopics([topic])
    return described?.partitions.map(({ logStartOffset }) => logStartOffset)
  }
  await fill(log, topic, [0, 1])
  await purgeRepartitionTopics(log, [topology])
  assert.deepEqual(await starts(), [0, 0], 'nothing is committed')
  const at = { topic, partition: partition(1) }
  await log.commitOffsets({ groupId: topology.name, ...nobody }, [{ ...at, offset: offset(7) }])
  await purgeRepartitionTopics(log, [topology])
  assert.deepEqual(await starts(), [0, 7])
  const [left] = await log.fetch({
    partitions: [{ ...at, offset: offset(7) }],
    bytesMax: 1_000_000,
    bytesPerPartitionMax: 1_000_000,
    waitMaxMs: 100,
    isolation: 'read_committed',
  })
  assert.equal(left?.records[0]?.offset, 7)
})

kafkaTest(
  'a member that is gone without a word stops a reset that is not forced',
  async (kafka, t) => {
    const log = await ourLogOnly(t, kafka)
    const { topic, groupId, join } = await testGroup(t, kafka, 2)
    await fill(log, topic, [0, 1])
    const optionsOf = resetOf(log, { name: groupId, inputs: [topic] })
    const dead = await join('dead')
    const pod = await join('pod', { groupInstanceId: 'pod-0' })
    await Promise.all([dead.kill(), pod.kill()])

    const plan = await planReset(optionsOf({ kind: 'latest' }, false))
    assert.match(plan.refusals[0]?.message ?? '', /has members: .*pod-0 .*--force/)
    const refused = carryOutReset(plan, () => assert.fail('nothing is done'))
    await assert.rejects(refused, { code: 'GROUP_ACTIVE' })
    assert.equal((await log.describeGroup(groupId))?.members.length, 2)

    const steps: string[] = []
    const forced = await planReset(optionsOf({ kind: 'latest' }, true))
    await carryOutReset(forced, ({ what }) => steps.push(what.replace(/ .*/, '')))
    assert.deepEqual(steps, ['take', 'set'])
    assert.deepEqual((await log.describeGroup(groupId))?.members ?? [], [])
    assert.deepEqual(await committedOffsetsOf(log, groupId, topic, 2), [recordCount, recordCount])
  },
)

kafkaTest(
  'a reset to a time goes on with the first record of that time or later',
  async (kafka, t) => {
    const log = await ourLogOnly(t, kafka)
    const { topic, groupId } = await testGroup(t, kafka, 2)
    await fill(log, topic, [0])
    const optionsOf = resetOf(log, { name: groupId, inputs: [topic] })
    for (const [afterMs, expected] of [
      [-1, 0],
      [4000, 4],
      [4001, 5],
      [9001, recordCount],
    ] as const) {
      const position = { kind: 'time', timestampMs: startMs + afterMs } as const
      await carryOutReset(await planReset(optionsOf(position, false)), () => undefined)
      const found = await committedOffsetsOf(log, groupId, topic, 2)
      assert.deepEqual(found, [expected, 0], `${afterMs} ms after the first; the other has none`)
    }
  },
)
