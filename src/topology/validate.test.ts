import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import type { StoreName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { passThroughSupplier } from '../processors/stateless.ts'
import { tumblingWindows } from '../processors/windows.ts'
import { defineTopology } from './define.ts'
import type { TopologyBuilder } from './define.ts'
import { nodeName } from './graph.ts'
import type { GraphNode, TopologyGraph } from './graph.ts'
import { jsonSerde, testTopic } from './graph-harness.test-support.ts'
import { keyValueStore } from './stores.ts'
import { subTopologiesOf, topologicalOrder } from './sub-topologies.ts'
import { validate } from './validate.ts'

const answers = testTopic<string>('answers')
const questions = testTopic<string>('questions')
const out = testTopic<string>('out')
const text = jsonSerde<string>()

/** Each line of the error that a definition ends with. */
function faultsOfDefinition(build: (builder: TopologyBuilder) => void, name = 't'): string[] {
  try {
    defineTopology(name, build)
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError, String(thrown))
    assert.equal(thrown.code, 'TOPOLOGY_INVALID')
    const [head, ...lines] = thrown.message.split('\n')
    assert.match(head ?? '', /^topology ".*" has \d+ faults?:$/)
    assert.equal(thrown.details.faultCount, lines.length)
    return lines.map((line) => line.replace('  - ', ''))
  }
  return []
}

function graphOf(nodes: readonly GraphNode[], stores: TopologyGraph['stores'] = []): TopologyGraph {
  const ordered = topologicalOrder(nodes)
  return { name: 't', nodes: ordered, stores, subTopologies: subTopologiesOf(ordered, stores) }
}

function processor(name: string, parents: readonly string[], stores: string[] = []): GraphNode {
  return {
    kind: 'processor',
    name: nodeName(name),
    parents: parents.map(nodeName),
    stores: stores as StoreName[],
    supplier: passThroughSupplier,
  }
}

const source: GraphNode = {
  kind: 'source',
  name: nodeName('answers'),
  topic: answers as TopicDefinition<any, any>,
  broadcast: false,
}

test('every fault is reported at once, by name', () => {
  const faults = faultsOfDefinition((builder) => {
    const stream = builder.stream('', answers)
    stream.filter('is/odd', () => true).to('out', out)
    stream.filter('twice', () => true).to('twice', out)
    stream.groupByKey('grouped').count('count', { store: 'a store' })
    stream.groupByKey('grouped-again').count('count-again', { store: 'a store' })
  }, 'no good')
  const rule = 'use 1 to 249 of letters, digits, ".", "_" and "-"'
  assert.deepEqual(faults, [
    `topology name "no good" is illegal: ${rule}`,
    `a node has no name: ${rule}`,
    `node name "is/odd" is illegal: ${rule}`,
    `store name "a store" is illegal: ${rule}`,
    'two nodes are named "twice"',
    'two stores are named "a store"',
  ])
})

test('a serde that is missing is asked for where it is needed', () => {
  const faults = faultsOfDefinition((builder) => {
    const stream = builder.stream('answers', answers)
    stream
      .selectKey('by-letter', (key) => key)
      .groupByKey('grouped')
      .count('count', { store: 'counts' })
    stream.groupByKey('by-key').reduce('latest', (_one, other) => other, { store: 'latest' })
    builder
      .table('questions', questions, { store: 'questions', valueSerde: text })
      .groupBy('by-text', (key, value) => [value, key])
      .count('count-by-text', { store: 'counts-by-text' })
  })
  const where = 'give it there or at the operator that made the key or value'
  const repartitioned = 'its keys have changed, so a repartition topic stands in front'
  const grouped = 'its groups are collected through a repartition topic'
  assert.deepEqual(faults, [
    `node "grouped" needs a keySerde: ${repartitioned}; ${where}`,
    `node "grouped" needs a valueSerde: ${repartitioned}; ${where}`,
    `node "count" needs a keySerde for store "counts"; ${where}`,
    `node "latest" needs a valueSerde for store "latest"; ${where}`,
    `node "by-text" needs a keySerde: ${grouped}; ${where}`,
    `node "by-text" needs a valueSerde: ${grouped}; ${where}`,
  ])
})

test('windows need a length and no negative grace', () => {
  const faults = faultsOfDefinition((builder) => {
    builder
      .stream('answers', answers)
      .groupByKey('by-key')
      .windowedBy(tumblingWindows({ sizeMs: 0, graceMs: -1 }))
      .count('count', { store: 'counts' })
  })
  assert.deepEqual(faults, [
    'node "count": sizeMs is 0; use a whole number of milliseconds above 0',
    'node "count": graceMs is -1; use a whole number of milliseconds, 0 or more',
    'store "counts" has retentionMs -1; use a whole number of milliseconds above 0',
    'store "counts" has windowSizeMs 0; use a whole number of milliseconds above 0',
  ])
})

test('a table whose topic has no Avro schema needs a serde', () => {
  const odd = testTopic<string>('odd', { schema: { type: 'nothing' } })
  const faults = faultsOfDefinition((builder) => {
    builder.table('odd', odd, { store: 'odd' })
  })
  assert.match(faults[0] ?? '', /^node "odd": the schema of topic "odd" is not Avro \(.+\), so the/)
})

test('topics that meet need the same number of partitions', () => {
  const few = testTopic<string>('few', { partitionCount: 2 })
  const many = testTopic<string>('many', { partitionCount: 8 })
  const faults = faultsOfDefinition((builder) => {
    const table = builder.table('few', few, { store: 'few', valueSerde: text })
    builder
      .stream('many', many)
      .join('joined', table, (value) => value)
      .to('out', out)
  })
  assert.deepEqual(faults, [
    'topics that are joined or processed together need equal partition counts: "few" has 2, "many" ' +
      'has 8; repartition one of them',
  ])
})

test('one topic has one definition and is read once', () => {
  const other = testTopic<string>('answers', { schema: { type: 'long' }, partitionCount: 3 })
  const faults = faultsOfDefinition((builder) => {
    builder.stream('one', answers).to('out', out)
    builder.stream('two', answers).to('other', other)
  })
  assert.deepEqual(faults, [
    'sources "one" and "two" both read topic "answers"; read it once and use the stream twice',
    'nodes "one" and "other" use topic "answers" with different schemas, partition counts; share one ' +
      'definition',
  ])
})

test('a topic may be read as a stream and broadcast, but not by the same tasks', () => {
  const apart = faultsOfDefinition((builder) => {
    builder.stream('questions', questions).to('out', out)
    const table = builder.globalTable('everywhere', questions, { store: 'all', valueSerde: text })
    builder
      .stream('answers', answers)
      .join(
        'joined',
        table,
        (key) => key,
        (value) => value,
      )
      .to('also-out', out)
  })
  assert.deepEqual(apart, [])
  const together = faultsOfDefinition((builder) => {
    const table = builder.globalTable('everywhere', questions, { store: 'all', valueSerde: text })
    builder
      .stream('questions', questions)
      .join(
        'joined',
        table,
        (key) => key,
        (value) => value,
      )
      .to('out', out)
  })
  assert.deepEqual(together, [
    'source "questions" and broadcast source "everywhere-source" bring topic "questions" to the same ' +
      'tasks; use the broadcast alone, or keep the two apart',
  ])
})

test('what only broadcast records reach has no task of its own and writes nothing', () => {
  const alone = faultsOfDefinition((builder) => {
    builder.stream('answers', answers).to('out', out)
    builder.globalTable('everywhere', questions, { store: 'all', valueSerde: text })
  })
  assert.deepEqual(alone, [
    'nodes "everywhere-source", "everywhere" read nothing but broadcast topics: join them with a ' +
      'stream, or read the topic as a stream or table',
  ])
  const grouped = faultsOfDefinition((builder) => {
    const everywhere = builder.broadcast('everywhere', questions)
    const stream = builder.stream('answers', answers)
    stream
      .merge('both', everywhere)
      .groupBy('by-text', (_key, value) => value, { keySerde: answers.keySerde, valueSerde: text })
      .count('count', { store: 'counts' })
  })
  assert.deepEqual(grouped, [
    'repartition-sink "by-text-repartition-sink" writes the records of broadcast source "everywhere", ' +
      'once for each task: read the topic as a stream instead',
  ])
  const merged = faultsOfDefinition((builder) => {
    const everywhere = builder.broadcast('everywhere', questions)
    builder.stream('answers', answers).merge('both', everywhere).to('out', out)
  })
  assert.deepEqual(merged, [
    'sink "out" writes the records of broadcast source "everywhere", once for each task: read the ' +
      'topic as a stream instead',
  ])
})

test('a store is defined and used', () => {
  const unused = keyValueStore('unused', answers.keySerde, text, { ttlMs: 0 })
  const graph = graphOf([source, processor('work', ['answers'], ['missing'])], [unused])
  assert.throws(
    () => {
      validate(graph)
    },
    hasFaults(
      'node "work" uses the store "missing", which is not defined',
      'store "unused" is used by no node',
      'store "unused" has ttlMs 0; use a whole number of milliseconds above 0',
    ),
  )
})

test('a node has parents that exist', () => {
  const orphan: GraphNode = {
    kind: 'sink',
    name: nodeName('lost'),
    parents: [],
    topic: out as TopicDefinition<any, any>,
  }
  assert.throws(
    () => {
      validate(graphOf([source, processor('work', ['answers', 'nobody']), orphan]))
    },
    hasFaults(
      'processor "work" has the parent "nobody", which this topology does not have',
      'sink "lost" has no parents',
    ),
  )
})

test('a stream of another topology is no parent', () => {
  let foreign: ReturnType<TopologyBuilder['stream']> | null = null
  defineTopology('other', (builder) => {
    foreign = builder.stream('foreign', questions)
  })
  const faults = faultsOfDefinition((builder) => {
    const stream = builder.stream('answers', answers)
    stream.merge('both', foreign as unknown as typeof stream).to('out', out)
  })
  assert.deepEqual(faults, [
    'processor "both" has the parent "foreign", which this topology does not have',
  ])
})

test('a cycle is shown as the way around it', () => {
  const graph = graphOf([
    source,
    processor('a', ['answers', 'c']),
    processor('b', ['a']),
    processor('c', ['b']),
    processor('d', ['c']),
  ])
  assert.throws(() => {
    validate(graph)
  }, hasFaults('nodes form a cycle: a -> b -> c -> a'))
})

test('an internal topic has one writer and one reader, and a name of its own', () => {
  const topic = { name: answers.name, keySerde: answers.keySerde, valueSerde: text }
  const sink: GraphNode = {
    kind: 'repartition-sink',
    name: nodeName('sink'),
    parents: [nodeName('answers')],
    topic,
  }
  assert.throws(
    () => {
      validate(graphOf([source, sink]))
    },
    hasFaults(
      'topic "answers" is internal and also used as a topic of its own',
      'internal topic "answers" has 1 writers and 0 readers; it needs one of each',
    ),
  )
})

test('a topology reads something', () => {
  assert.deepEqual(
    faultsOfDefinition(() => undefined),
    ['no node reads a topic'],
  )
})

function hasFaults(...faults: string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof TidemarkError)
    const lines = thrown.message.split('\n').slice(1)
    assert.deepEqual(
      lines,
      faults.map((fault) => `  - ${fault}`),
    )
    return true
  }
}
