import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import { TidemarkError } from '../core/errors.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { numberSerde } from '../processors/number-serde.ts'
import type { Processor } from '../processors/processor.ts'
import { defineTopology } from './define.ts'
import { describe } from './describe.ts'
import { sharedFactFaults } from './fact-changelog.ts'
import { keyValueStore } from './stores.ts'
import type { Materialized } from './streams.ts'

const topicOf = (
  name: string,
  more: Partial<TopicDefinition<string, number>> = {},
): TopicDefinition<string, number> => ({
  name: topicName(name),
  keySerde: stringSerde,
  schema: { type: 'record', name: 'r', fields: [] },
  cleanupPolicy: 'compact',
  retentionMs: null,
  ...more,
})

const input = topicOf('input', { cleanupPolicy: 'delete' })
const facts = topicOf('facts')

const counting = (more: Partial<Materialized<string, number>>, source = input) =>
  defineTopology('t', (builder) => {
    builder
      .stream('in', source)
      .groupByKey('by-key')
      .count('count', { store: 'counts', ...more })
      .toStream('counted')
      .to('out', topicOf('out'))
  })

const nothing: () => Processor = () => ({ process: () => undefined })

/** The one fault. */
function faultOf(define: () => unknown): string {
  try {
    define()
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError)
    const [head, ...faults] = thrown.message.split('\n  - ')
    assert.match(head ?? '', /topology "t" has 1 fault/)
    return faults.join()
  }
  return 'none'
}

test('a fact topic that is a changelog stands below the node that fills its store', () => {
  assert.equal(
    describe(counting({ changelog: facts })),
    `Topologies:
   Sub-topology: 0
    Source: in (topics: [input])
      --> count
    Processor: count (stores: [counts])
      --> counted, counts-facts
      <-- in
    Processor: counted (stores: [])
      --> out
      <-- count
    Sink: out (topic: out)
      <-- counted
    Sink: counts-facts (topic: facts, changelog of: counts)
      <-- count

`,
  )
})

test('it has as many partitions as there are tasks', () => {
  const of = (own: object, ofInput: object) => () =>
    counting({ changelog: topicOf('facts', own) }, { ...input, ...ofInput })
  const [three, six] = [{ partitionCount: 3 }, { partitionCount: 6 }]
  assert.equal(faultOf(of(six, six)), 'none')
  assert.equal(faultOf(of({}, {})), 'none')
  assert.match(
    faultOf(of(six, three)),
    /it has 6 partitions and the input of the store 3; give both/,
  )
  assert.match(
    faultOf(of({}, three)),
    /it has the default number of partitions and the input of the store 3/,
  )
  assert.match(faultOf(of(six, {})), /it has 6 partitions and the input of the store the default/)
})

test('a topic that cannot stand for the changelog is refused, with what to do', () => {
  const of = 'topic "facts" cannot be the changelog of store "counts": '
  const forgetful = () => counting({ changelog: topicOf('facts', { cleanupPolicy: 'delete' }) })
  assert.equal(
    faultOf(forgetful),
    `${of}it is not compacted and forgets rows; give it the cleanupPolicy "compact"`,
  )
  const otherKeys = () => counting({ changelog: facts, keySerde: { ...stringSerde } })
  assert.match(faultOf(otherKeys), /different serdes; give the store the keySerde of the topic$/)
  const timed = () => counting({ changelog: facts, ttlMs: 5 })
  assert.match(faultOf(timed), /forgets rows after its ttlMs, .* leave the ttlMs out, or write/)
  const written = () => counting({ changelog: topicOf('out') })
  assert.match(faultOf(written), /node "out" writes it too; let it be written from the store alone/)
})

test('two stores cannot have one topic, and a store of no times needs a topic that knows them', () => {
  const own = (name: string, changelog: TopicDefinition<string, number>) =>
    keyValueStore(name, stringSerde, numberSerde, { changelog })
  const define = (...stores: ReturnType<typeof own>[]) =>
    defineTopology('t', (builder) => {
      builder.stream('in', input).process('keep', { stores, supplier: nothing })
    })
  const timed = topicOf('facts', { eventTimeMsOf: (value) => value })
  define(own('one', timed))
  assert.throws(
    () => define(own('one', timed), own('two', timed)),
    /of store "one": node "two-facts" writes it too.*\n.*of store "two": node "one-facts" writes it/,
  )
  assert.match(
    faultOf(() => define(own('one', facts))),
    /give the topic an eventTimeMsOf/,
  )
})

test('a topic may be read by others of the topology', () => {
  defineTopology('t', (builder) => {
    builder
      .stream('in', input)
      .groupByKey('by-key')
      .count('count', { store: 'counts', changelog: facts })
    builder.stream('facts-in', facts).to('out', topicOf('out'))
  })
})

test('no topology writes to the changelog of another one', () => {
  const other = defineTopology('other', (builder) => {
    builder.stream('in', input).to('also', facts)
  })
  const own = counting({ changelog: facts })
  assert.deepEqual(sharedFactFaults([own]), [])
  assert.deepEqual(sharedFactFaults([own, other]), [
    'topology "other": node "also" writes to topic "facts", the changelog of store "counts" of topology "t"; let it ' +
      'be written from that store alone',
  ])
})
