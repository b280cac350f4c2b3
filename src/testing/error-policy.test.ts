/** What becomes of records that functions throw on: the cases beside the model in test/models/error-policies.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { joinWindows } from '../processors/windows.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import type { QuarantineEntry } from '../quality/quarantine.ts'
import { redrive } from '../quality/redrive.ts'
import type { AdmissionTopic } from '../quality/admission.ts'
import { avroSerde } from '../schema/avro-serde.ts'
import { defineTopology } from '../topology/define.ts'
import type { ErrorPolicies } from '../topology/error-policies.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import type { KStream } from '../topology/streams.ts'
import { openTestCodecs } from './test-codecs.ts'
import { TopologyTestDriver } from './topology-test-driver.ts'

interface Note {
  readonly id: string
  readonly text: string
}

const schema = {
  type: 'record',
  name: 'note',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'text', type: 'string' },
  ],
}

function topicOf(name: string): TopicDefinition<string, Note> {
  return {
    name: topicName(name),
    keySerde: stringSerde,
    keyOf: ({ id }) => id,
    schema,
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
}

const input = topicOf('notes')
const other = topicOf('others')
const output = topicOf('copies')
const valueSerde = avroSerde<Note>('notes', 0x21, schema)

function note(id: string, text: string, timestampMs = 0) {
  return { value: { id, text }, timestampMs }
}

async function open(
  build: (notes: KStream<string, Note | null>, others: () => KStream<string, Note | null>) => void,
  policies: ErrorPolicies,
) {
  const graph = defineTopology(
    'notes-copied',
    (builder) => {
      build(builder.stream('note', input), () => builder.stream('other', other))
    },
    policies,
  )
  const driver = await TopologyTestDriver.open(graph)
  const texts = async () => (await driver.read(output)).map(({ value }) => value?.text)
  return { graph, driver, texts }
}

function refuseBad(value: Note | null): Note | null {
  if (value?.text === 'bad') throw new RangeError('a bad note')
  return value
}

test('without a policy the task fails, and names the node and the record', async () => {
  const { driver } = await open((notes) => {
    notes.mapValues('copy', refuseBad).to('out', output)
  }, {})
  await assert.rejects(
    driver.pipe(input, [note('a', 'good'), note('b', 'bad')]),
    (thrown) =>
      thrown instanceof TidemarkError &&
      thrown.code === 'PROCESSING_FAILED' &&
      /processor copy failed at notes-0, offset 1: a bad note/.test(thrown.message),
  )
  await driver.close()
})

test('a value that its topic does not take is left out as one that a function throws on', async () => {
  const build = (notes: KStream<string, Note | null>) => {
    const broken = (value: Note | null) => (value?.text === 'bad' ? ({ id: 1 } as never) : value)
    notes.mapValues('copy', broken).to('out', output)
  }
  const { driver, texts } = await open(build, { onErrorOf: { out: 'skip' } })
  await driver.pipe(input, [note('a', 'bad'), note('b', 'good')])
  assert.deepEqual(await texts(), ['good'])
  const [drop] = driver.counts().drops
  assert.deepEqual([drop?.node, drop?.reason, drop?.count], ['out', 'failed', 1])
  assert.equal(driver.counts().dropped, 1)
  await driver.close()
})

test('what a flush hands on has no record of its own to keep, so its readable form is kept', async () => {
  const { driver, texts } = await open(
    (notes) => {
      notes
        .toTable('latest', { store: 'latest', valueSerde, emit: 'on-commit' })
        .toStream('changes')
        .mapValues('copy', refuseBad)
        .to('out', output)
    },
    { onError: 'quarantine' },
  )
  await driver.pipe(input, [note('a', 'bad', 7), note('b', 'good')])
  assert.deepEqual(await texts(), ['good'])
  const [entry, ...more] = await driver.readQuarantine()
  assert.deepEqual(more, [])
  const { topic, partition, location, record_format, record_value, reason, event_time } =
    entry?.value as QuarantineEntry
  assert.deepEqual(
    { topic, partition, location, record_format, reason, event_time },
    {
      topic: 'notes-copied-copy',
      partition: null,
      location: 'node copy',
      record_format: 'json',
      reason: 'node copy: a bad note',
      event_time: 7,
    },
  )
  assert.deepEqual(JSON.parse(record_value?.toString() ?? ''), {
    key: 'a',
    value: { id: 'a', text: 'bad' },
  })
  assert.equal(driver.counts().quarantined, 1)
  await driver.close()
})

test('a record that fails when its window closes keeps no other one back', async () => {
  const { driver, texts } = await open(
    (notes, others) => {
      notes
        .leftJoin(
          'pair',
          others(),
          (value) => refuseBad(value) as Note,
          joinWindows({ differenceMs: 5, graceMs: 0 }),
          {
            store: 'pairs',
            valueSerde,
            otherValueSerde: valueSerde,
          },
        )
        .to('out', output)
    },
    { onErrorOf: { pair: 'quarantine' } },
  )
  await driver.pipe(input, [note('a', 'bad', 1), note('a', 'early', 2)])
  await driver.pipe(input, [note('a', 'late', 100)])
  assert.deepEqual(await texts(), ['early'])
  await driver.pipe(input, [note('a', 'last', 200)])
  assert.deepEqual(await texts(), ['late'])
  const entries = await driver.readQuarantine()
  assert.deepEqual(
    entries.map(({ value }) => [value?.location, value?.event_time]),
    [['node pair', 1]],
  )
  await driver.close()
})

test('what is not the fault of the record fails the task, whatever the policy', async () => {
  const { driver } = await open(
    (notes) => {
      notes.process('look', {
        stores: [],
        supplier: () => ({
          process: () => {
            throw new TidemarkError('STORE_KEY_NOT_LOADED', 'it was not asked for')
          },
        }),
      })
    },
    { onError: 'skip' },
  )
  await assert.rejects(driver.pipe(input, [note('a', 'good')]), /look failed .* not asked for/)
  await driver.close()
})

/** What is kept is sent again, as `tidemark quarantine redrive --all` does. */
async function redriveAll(driver: TopologyTestDriver, graph: TopologyGraph): Promise<string[]> {
  const entries = (await driver.readQuarantine()).map(({ value }) => value as QuarantineEntry)
  const codecs = await openTestCodecs(graph)
  const topic = { definition: input, codec: codecs(input as never) } as unknown as AdmissionTopic
  const report = await redrive(
    entries,
    {},
    {
      log: driver.log,
      topics: new Map([[input.name, topic]]),
      quarantine: codecs(quarantineTopic as never) as never,
      nowMs: 0,
    },
  )
  assert.deepEqual(report.refused, [])
  await driver.run()
  return entries.map(({ id, check }) => `${id} ${check}`)
}

test('a record that was kept is sent again and has its effect once the function is mended', async () => {
  let isMended = false
  const { graph, driver, texts } = await open(
    (notes) => {
      notes.mapValues('copy', (value) => (isMended ? value : refuseBad(value))).to('out', output)
    },
    { onErrorOf: { copy: 'quarantine' } },
  )
  await driver.pipe(input, [note('a', 'bad', 3), note('b', 'good')])
  assert.deepEqual(await texts(), ['good'])
  isMended = true
  assert.deepEqual(await redriveAll(driver, graph), ['notes-0-0 PROCESSING_FAILED'])
  const [copy] = await driver.read(output)
  assert.deepEqual([copy?.value?.text, copy?.timestampMs], ['bad', 3])
  await driver.close()
})

test('so are a delete, and a record that failed behind a repartition topic', async () => {
  let isMended = false
  const refuse = () => {
    if (!isMended) throw new RangeError('not yet')
  }
  const { graph, driver, texts } = await open(
    (notes) => {
      notes
        .filter('deletes', (_key, value) => value === null)
        .peek('look', refuse)
        .mapValues('deleted', () => ({ id: 'x', text: 'deleted' }))
        .to('deletes-out', output)
      notes
        .filter('others', (_key, value) => value !== null)
        .selectKey('by-text', (_key, value) => value?.text ?? '', {
          keySerde: stringSerde,
          valueSerde,
        })
        .repartition('moved')
        .peek('look-again', refuse)
        .to('out', output)
    },
    { onError: 'quarantine' },
  )
  await driver.pipe(input, [{ key: 'a', value: null }, note('b', 'kept')])
  assert.deepEqual(await texts(), [])
  isMended = true
  assert.deepEqual(await redriveAll(driver, graph), [
    'notes-0-0 PROCESSING_FAILED',
    'notes-copied-moved-repartition-0-0 PROCESSING_FAILED',
  ])
  assert.deepEqual((await texts()).sort(), ['deleted', 'kept'])
  await driver.close()
})
