import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { storeName, topicName } from '../core/record.ts'
import type { TopicDescription } from '../log/log.ts'
import { stringSerde } from '../core/serde.ts'
import { numberSerde } from '../processors/number-serde.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { changelogTopic } from './changelog.ts'
import { verifyKeptTopics } from './kept-topics.ts'
import { counts, words } from './test-support/counting.ts'
import { topicSpecs } from './topics.ts'

const { eventTimeMsOf: _, ...untimed } = { ...words, name: topicName('untimed') }
const facts = { ...counts, name: topicName('facts') }
const versions = { ...words, name: topicName('versions'), recordTimeCounts: true }
const totals = { ...counts, name: topicName('totals') }
const topology = defineTopology('both', (builder) => {
  builder
    .stream('word', words)
    .groupByKey('by-word')
    .count('count', { store: 'counts', changelog: facts })
  builder.stream('version', versions)
  builder
    .stream('late', untimed)
    .mapValues('time', (word) => word?.atMs ?? null, { valueSerde: numberSerde })
    .groupBy('by-time', (_key, atMs) => `${atMs}`, { keySerde: stringSerde })
    .count('count-times', { store: 'times' })
    .toStream('counted')
    .to('totals-out', totals)
})
const repartition = topology.nodes.find(({ kind }) => kind === 'repartition-source')
const own = changelogTopic('both', storeName('times'))

/** What a start says where topics are found to be so. */
async function verdict(found: (name: string) => Partial<TopicDescription>): Promise<string | null> {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock(), sharesState: false })
  const specs = topicSpecs([topology], 2, true)
  await log.createTopics(specs)
  const describe = log.describeTopics.bind(log)
  log.describeTopics = async (names) =>
    (await describe(names)).map((each) => ({ ...each, ...found(each.name) }))
  try {
    await verifyKeptTopics(log, [topology], specs)
    return null
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError && thrown.code === 'TOPIC_MISMATCH')
    return thrown.message
  } finally {
    await close()
  }
}

const appended = { timestamps: 'LogAppendTime' } as const

test('topics whose records bear event times are refused where the broker sets them, all at once', async () => {
  assert.ok(repartition !== undefined && 'topic' in repartition)
  const message = (await verdict(() => appended)) ?? ''
  const named = [facts.name, repartition.topic.name, untimed.name, versions.name]
  assert.match(message, /^4 settings of topics are to be mended:\n/)
  for (const name of named) {
    const line = message.split('\n').find((text) => text.includes(`topic ${name} has`)) ?? ''
    assert.match(line, /message\.timestamp\.type LogAppendTime/)
    const command = `--entity-name ${name} --add-config message.timestamp.type=CreateTime`
    assert.ok(line.includes(`kafka-configs --alter --entity-type topics ${command}`), line)
  }
})

test('topics whose values bear their times may have those of the broker', async () => {
  const may: readonly string[] = [words.name, own, totals.name]
  assert.equal(await verdict((name) => (may.includes(name) ? appended : {})), null)
})

test('faults of every kind are told together', async () => {
  const message = await verdict((name) => ({
    ...(name === untimed.name ? appended : {}),
    ...(name === totals.name ? { deletesToo: true } : {}),
    ...(name === own ? { cleanupPolicy: 'delete', partitionCount: 3 } : {}),
  }))
  assert.match(message ?? '', /^4 settings of topics/)
  assert.match(message ?? '', /totals has cleanup\.policy compact,delete/)
  assert.match(message ?? '', /-changelog has cleanup\.policy delete/)
  assert.match(message ?? '', /-changelog has 3 partitions and its tasks are 2/)
})
