import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberSerde } from '../processors/number-serde.ts'
import type { Processor, ProcessorContext } from '../processors/processor.ts'
import { tumblingWindows } from '../processors/windows.ts'
import { defineTopology } from './define.ts'
import { describeMermaid } from './describe-mermaid.ts'
import { describe } from './describe.ts'
import type { TopologyGraph } from './graph.ts'
import { jsonSerde, testTopic, withHarness } from './graph-harness.test-support.ts'
import { partitionCountsOf } from './partition-counts.ts'
import { keyValueStore } from './stores.ts'

const answers = testTopic<string>('answers')
const questions = testTopic<string>('questions')
const out = testTopic<number>('out')
const words = testTopic<string>('words')
const text = jsonSerde<string>()
const serdes = { keySerde: answers.keySerde, valueSerde: text }

const topicsOf = (graph: TopologyGraph) =>
  graph.nodes.flatMap((node) => (node.kind === 'repartition-source' ? [node.topic.name] : []))

const wordCount = defineTopology('words', (builder) => {
  builder
    .stream('lines', answers)
    .flatMapValues('split', (line) => (line ?? '').split(' '), { valueSerde: text })
    .groupBy('by-word', (_key, word) => word, { keySerde: answers.keySerde })
    .count('count', { store: 'counts' })
    .toStream('count-changed')
    .to('out', out)
})

test('a topology reads as Kafka Streams describes it', () => {
  assert.equal(
    describe(wordCount),
    `Topologies:
   Sub-topology: 0
    Source: lines (topics: [answers])
      --> split
    Processor: split (stores: [])
      --> by-word
      <-- lines
    Processor: by-word (stores: [])
      --> by-word-repartition-filter
      <-- split
    Processor: by-word-repartition-filter (stores: [])
      --> by-word-repartition-sink
      <-- by-word
    Sink: by-word-repartition-sink (topic: words-by-word-repartition)
      <-- by-word-repartition-filter

   Sub-topology: 1
    Source: by-word-repartition-source (topics: [words-by-word-repartition])
      --> count
    Processor: count (stores: [counts])
      --> count-changed
      <-- by-word-repartition-source
    Processor: count-changed (stores: [])
      --> out
      <-- count
    Sink: out (topic: out)
      <-- count-changed

`,
  )
})

test('a topology draws itself for Mermaid', () => {
  assert.equal(
    describeMermaid(wordCount),
    `flowchart TD
  subgraph sub0["Sub-topology 0"]
    n0["lines"]
    n1["split"]
    n2["by-word"]
    n3["by-word-repartition-filter"]
    n4["by-word-repartition-sink"]
    n0 --> n1
    n1 --> n2
    n2 --> n3
    n3 --> n4
  end
  subgraph sub1["Sub-topology 1"]
    n5["by-word-repartition-source"]
    n6["count"]
    n7["count-changed"]
    n8["out"]
    s9[("counts")]
    n5 --> n6
    n6 -.- s9
    n6 --> n7
    n7 --> n8
  end
  t10(["answers"])
  t11(["words-by-word-repartition"])
  t12(["out"])
  t10 --> n0
  n4 --> t11
  t11 --> n5
  n8 --> t12
`,
  )
})

test('a broadcast source is marked, and joins the tasks of the streams it meets', () => {
  const graph = defineTopology('t', (builder) => {
    const table = builder.globalTable('questions', questions, {
      store: 'questions',
      valueSerde: text,
    })
    builder
      .stream('answers', answers)
      .join(
        'with-question',
        table,
        (key) => key,
        (answer) => answer,
      )
      .to('words', words)
  })
  assert.equal(
    describe(graph),
    `Topologies:
   Sub-topology: 0
    Source: questions-source (topics: [questions], broadcast)
      --> questions
    Processor: questions (stores: [questions])
      --> none
      <-- questions-source
    Source: answers (topics: [answers])
      --> with-question
    Processor: with-question (stores: [questions])
      --> words
      <-- answers
    Sink: words (topic: words)
      <-- with-question

`,
  )
})

test('a stream keeps its partitions where its key is kept', () => {
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('answers', answers)
      .mapValues('length', (answer) => answer?.length ?? 0)
      .filter('not-empty', (_key, length) => length > 0)
      .groupByKey('by-key')
      .count('count', { store: 'counts' })
      .toStream('changed')
      .to('out', out)
  })
  assert.deepEqual(topicsOf(graph), [])
  assert.equal(graph.subTopologies.length, 1)
})

test('a changed key alone needs no repartition topic; a stateful operator after it does', () => {
  const stateless = defineTopology('t', (builder) => {
    builder
      .stream('answers', answers)
      .selectKey('by-first-letter', (_key, answer) => answer?.[0] ?? '')
      .filter('all', () => true)
      .to('words', words)
  })
  assert.deepEqual(topicsOf(stateless), [])

  const stateful = defineTopology('t', (builder) => {
    builder
      .stream('answers', answers)
      .selectKey('by-first-letter', (_key, answer) => answer?.[0] ?? '', serdes)
      .filter('all', () => true)
      .groupByKey('grouped')
      .reduce('latest', (_one, other) => other, { store: 'latest' })
      .toStream('changed')
      .to('words', words)
  })
  assert.deepEqual(topicsOf(stateful), ['t-grouped-repartition'])
})

test('a key that changed on one side of a merge is repartitioned after it', () => {
  const graph = defineTopology('t', (builder) => {
    const stream = builder.stream('answers', answers)
    const changed = stream.selectKey('by-letter', (key) => key, serdes)
    stream
      .merge('both', changed)
      .groupByKey('grouped', serdes)
      .count('count', { store: 'counts' })
      .toStream('changed')
      .to('out', out)
  })
  assert.deepEqual(topicsOf(graph), ['t-grouped-repartition'])
})

test('groups share the repartition topic of their grouping', () => {
  const graph = defineTopology('t', (builder) => {
    const groups = builder.stream('answers', answers).groupBy('by-letter', (key) => key, serdes)
    groups.count('count', { store: 'counts' })
    groups
      .windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 0 }))
      .count('windowed-count', { store: 'windowed-counts' })
  })
  assert.deepEqual(topicsOf(graph), ['t-by-letter-repartition'])
})

test('a processor changes keys unless it says that it keeps them', () => {
  const supplier = (): Processor<string, string, string, string> => ({ process: () => undefined })
  const graphOf = (keepsKey: boolean) =>
    defineTopology('t', (builder) => {
      builder
        .stream('answers', answers)
        .process('work', { supplier, keepsKey, ...serdes })
        .groupByKey('grouped')
        .count('count', { store: 'counts' })
    })
  assert.deepEqual(topicsOf(graphOf(true)), [])
  assert.deepEqual(topicsOf(graphOf(false)), ['t-grouped-repartition'])
})

test('a foreign-key join has a topic there and one back', () => {
  const graph = defineTopology('t', (builder) => {
    const left = builder.table('answers', answers, { store: 'answers', valueSerde: text })
    const right = builder.table('questions', questions, { store: 'questions', valueSerde: text })
    left.foreignKeyJoin(
      'joined',
      right,
      (answer) => answer,
      (answer) => answer,
      { store: 'joined', valueSerde: text },
    )
  })
  assert.deepEqual(topicsOf(graph), ['t-joined-subscription', 't-joined-response'])
  assert.deepEqual(
    graph.stores.map((store) => store.name),
    ['answers', 'questions', 'joined', 'joined-subscriptions'],
  )
  assert.equal(graph.subTopologies.length, 2)
})

class Recorder implements Processor<string, string | null, string, string> {
  #context!: ProcessorContext<string, string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
  }

  process(
    record: { key: string; value: string | null; timestampMs: number },
    parent: string,
  ): void {
    const value = `${parent} ${record.value ?? ''}`
    this.#context.forward({ ...record, value, headers: [] }, 'words')
  }
}

test('a processor knows its inputs by the names its author gave them, repartitioned or not', async () => {
  const graph = defineTopology('t', (builder) => {
    const letters = builder
      .stream('answers', answers)
      .selectKey('by-letter', (_key, answer) => answer?.[0] ?? '', serdes)
    builder
      .process('work', {
        inputs: [letters, builder.broadcast('questions', questions)],
        stores: [keyValueStore('kept', answers.keySerde, numberSerde)],
        supplier: () => new Recorder(),
      })
      .to('words', words)
  })
  assert.deepEqual(topicsOf(graph), ['t-work-by-letter-repartition'])
  await withHarness(graph, { partitionCount: 2 }, async (harness) => {
    harness.send(answers, { key: 'x', value: 'yes', timestampMs: 1 })
    harness.send(questions, { key: 'q', value: 'why', timestampMs: 1 })
    await harness.run()
    const seen = harness.output(words).map(({ key, value }) => `${key}: ${value}`)
    assert.deepEqual(seen.sort(), ['q: questions why', 'q: questions why', 'y: by-letter yes'])
  })
})

test('branches take each record once, by the first predicate that holds', async () => {
  const graph = defineTopology('t', (builder) => {
    const branches = builder.stream('answers', answers).branch('by-length', {
      short: (_key, answer) => (answer?.length ?? 0) < 3,
      long: (_key, answer) => (answer?.length ?? 0) < 6,
    })
    branches.short.mapValues('short-text', () => 'short').to('words', words)
    branches.long.mapValues('long-text', () => 'long').to('long-words', words)
  })
  await withHarness(graph, {}, async (harness) => {
    for (const value of ['a', 'abcd', 'abcdefgh']) {
      harness.send(answers, { key: value, value, timestampMs: 1 })
    }
    await harness.run()
    assert.deepEqual(harness.table(words), { a: 'short', abcd: 'long' })
  })
})

test('the stateless operators do what their names say', async () => {
  const peeked: string[] = []
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('answers', answers)
      .filterNot('not-null', (_key, answer) => answer === null)
      .mapValues('text', (answer) => answer ?? '')
      .flatMap('letters', (key, answer) =>
        answer.split('').map((letter) => [`${key}${letter}`, letter]),
      )
      .filter('no-x', (_key, letter) => letter !== 'x')
      .map('upper', (key, letter) => [key, letter.toUpperCase()])
      .peek('seen', (key) => peeked.push(key))
      .to('words', words)
  })
  await withHarness(graph, {}, async (harness) => {
    harness.send(
      answers,
      { key: '1', value: 'axb', timestampMs: 1 },
      { key: '2', value: null, timestampMs: 2 },
    )
    await harness.run()
    assert.deepEqual(harness.table(words), { '1a': 'A', '1b': 'B' })
    assert.deepEqual(peeked, ['1a', '1b'])
  })
})

test('a broadcast stream is never repartitioned: its records are everywhere already', () => {
  const graph = defineTopology('t', (builder) => {
    const everywhere = builder
      .broadcast('questions', questions)
      .selectKey('by-letter', (_key, question) => question?.[0] ?? '', serdes)
    builder
      .process('work', {
        inputs: [builder.stream('answers', answers), everywhere],
        stores: [keyValueStore('kept', answers.keySerde, numberSerde)],
        supplier: () => new Recorder(),
      })
      .to('words', words)
  })
  assert.deepEqual(topicsOf(graph), [])
})

test('an explicit repartition sets the number of tasks behind it', async () => {
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('answers', answers)
      .repartition('spread', { valueSerde: text, partitionCount: 5 })
      .mapValues('text', (answer) => answer ?? '')
      .to('words', words)
  })
  const counts = Object.fromEntries(partitionCountsOf(graph, 2))
  assert.deepEqual(counts, { answers: 2, 't-spread-repartition': 5, words: 2 })
  await withHarness(graph, { partitionCount: 2 }, async (harness) => {
    harness.send(answers, { key: 'a', value: 'x', timestampMs: 1 })
    await harness.run()
    assert.deepEqual(harness.table(words), { a: 'x' })
  })
})

test('a topic without a partition count takes the one of the sources it is processed with', () => {
  const many = testTopic<string>('many', { partitionCount: 8 })
  const graph = defineTopology('t', (builder) => {
    const table = builder.table('many', many, { store: 'many', valueSerde: text })
    builder
      .stream('answers', answers)
      .groupBy('by-letter', (key) => key, serdes)
      .reduce('latest', (_one, other) => other, { store: 'latest' })
      .toStream('changed')
      .join('with-many', table, (answer) => answer)
      .to('words', words)
  })
  const counts = Object.fromEntries(partitionCountsOf(graph, 3))
  assert.deepEqual(counts, { many: 8, answers: 3, 't-by-letter-repartition': 8, words: 3 })
})
