import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { topicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { changelogTopic } from '../runtime/changelog.ts'
import { scopedStoreName } from '../runtime/scoped-state.ts'
import { counts, words, type Word } from '../runtime/test-support/counting.ts'
import { defineTopology } from '../topology/define.ts'
import { jsonSerde } from '../topology/graph-harness.test-support.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { refuseTakenNames, sharedNameFaults } from './derived-names.ts'
import { manifestOf } from './manifest.ts'
import { bundledTopologyNames, loadTopologies } from './topologies.ts'

interface Names {
  readonly topology: string
  readonly store: string
  readonly input?: string
  readonly facts?: string
  /** Under which the records go to the tasks of another key. */
  readonly way?: string
}

function counting({ topology, store, input = 'words', facts = 'counts', way }: Names) {
  const source: TopicDefinition<string, Word> = { ...words, name: topicName(input) }
  return defineTopology(topology, (builder) => {
    const all = builder.stream('in', source)
    const keyed = way === undefined ? all : all.repartition(way, { valueSerde: jsonSerde<Word>() })
    keyed
      .groupByKey('by-word')
      .count('count', { store })
      .toStream('counted')
      .to('out', { ...counts, name: topicName(facts) })
  })
}

const faultsOf = (...graphs: TopologyGraph[]) => sharedNameFaults(graphs)

test('two stores of one changelog are told, and how to part them', () => {
  const [fault, ...others] = faultsOf(
    counting({ topology: 'shop', store: 'a-b' }),
    counting({ topology: 'shop-a', store: 'b' }),
  )
  assert.equal(
    fault,
    'topic "shop-a-b-changelog" would be the changelog of store "a-b" of topology "shop", and the changelog of store ' +
      '"b" of topology "shop-a": rename one of the stores, topics or topologies',
  )
  assert.deepEqual(others, [])
})

test('two stores of one place in the state are told', () => {
  assert.deepEqual(
    faultsOf(
      counting({ topology: 'dots', store: 'a.b' }),
      counting({ topology: 'dots.a', store: 'b' }),
    ),
    [
      'store "dots.a.b" would be store "a.b" of topology "dots", and store "b" of topology "dots.a": rename one of the ' +
        'stores or topologies',
    ],
  )
})

test('a topology with the name of another one’s group, or of the program’s, is told', () => {
  assert.deepEqual(
    faultsOf(
      counting({ topology: 'scores', store: 's' }),
      counting({ topology: 'scores-clickhouse', store: 's' }),
    ),
    [
      'group "scores-clickhouse" would be the group that brings the facts of topology "scores" to ClickHouse, and the ' +
        'group that shares out the tasks of topology "scores-clickhouse": rename one of the topologies',
    ],
  )
  const own = faultsOf(
    ...['tidemark', 'tidemark-clickhouse', 'tidemark-rebuilt'].map((topology) =>
      counting({ topology, store: 's' }),
    ),
  )
  assert.deepEqual(
    own.map((fault) => /^group "[a-z-]+"/.exec(fault)?.[0]),
    ['group "tidemark-clickhouse"', 'group "tidemark-rebuilt"'],
  )
})

test('an internal topic that somebody reads or writes as a topic of his own is told, in one topology too', () => {
  const changelog = 'shop-s-changelog'
  const shop = { topology: 'shop', store: 's' }
  for (const [graphs, what] of [
    [[counting({ ...shop, input: changelog })], 'a source topic of topology "shop" (node "in")'],
    [
      [counting(shop), counting({ topology: 'mall', store: 's', facts: changelog })],
      'a sink topic of topology "mall" (node "out")',
    ],
  ] as const) {
    const [fault = '', ...others] = faultsOf(...graphs)
    assert.ok(fault.startsWith(`topic "${changelog}" would be `), fault)
    assert.ok(fault.includes(what), fault)
    assert.ok(fault.includes('the changelog of store "s" of topology "shop"'), fault)
    assert.deepEqual(others, [])
  }
  const [way, ...more] = faultsOf(
    counting({ topology: 'shop', store: 's', way: 'a-b' }),
    counting({ topology: 'shop-a', store: 't', way: 'b' }),
  )
  assert.match(way ?? '', /^topic "shop-a-b-repartition" .*"shop" .*"shop-a" /)
  assert.deepEqual(more, [])
})

test('topics that topologies share, and one store name in two of them, are no fault', async () => {
  assert.deepEqual(
    faultsOf(counting({ topology: 'a', store: 's' }), counting({ topology: 'b', store: 's' })),
    [],
  )
  const bundled = await loadTopologies(bundledTopologyNames())
  assert.deepEqual(faultsOf(...bundled.map(({ graph }) => graph)), [])
})

test('of all pairs of names those are told whose stores or changelogs are one, and no others', () => {
  const parts = ['a', 'a-a', 'a.a', 'a-a-a', 'a-a.a', 'a.a-a', 'a.a.a']
  const pairs = parts.flatMap((topology) => parts.map((store) => ({ topology, store })))
  const graphs = new Map(pairs.map((names) => [names, counting(names)]))
  let collisions = 0
  for (const [one, graph] of graphs) {
    for (const [two, other] of graphs) {
      if (one.topology === two.topology) continue
      const isOne = [changelogTopic, scopedStoreName].some(
        (nameOf) =>
          nameOf(one.topology, one.store as never) === nameOf(two.topology, two.store as never),
      )
      if (isOne) collisions += 1
      assert.equal(faultsOf(graph, other).length > 0, isOne, JSON.stringify([one, two]))
    }
  }
  assert.ok(collisions > 20, `${collisions} collisions`)
})

test('a topology that is new here may not take the names of one that has run, though another instance runs that', () => {
  const ran = counting({ topology: 'shop', store: 'a-b' })
  const fresh = counting({ topology: 'shop-a', store: 'b' })
  const manifests = (withChangelogs: boolean, ...graphs: TopologyGraph[]) =>
    new Map(
      graphs.map((graph) => [
        graph.name,
        manifestOf(graph, { defaultPartitionCount: 1, withChangelogs }),
      ]),
    )
  assert.throws(
    () => {
      refuseTakenNames([fresh], manifests(true, ran))
    },
    isInvalid(
      /"shop-a-b-changelog" .*store "b" of topology "shop-a".*store "a-b" of topology "shop"/,
    ),
  )
  // Without changelogs the two have nothing of each other.
  refuseTakenNames([fresh], manifests(false, ran))
  // Who has run beside it already must not be kept from starting, least of all by what has been renamed since.
  refuseTakenNames([fresh], manifests(true, ran, fresh))
  const dots = counting({ topology: 'dots', store: 'a.b' })
  assert.throws(
    () => {
      refuseTakenNames([counting({ topology: 'dots.a', store: 'b' })], manifests(false, dots))
    },
    isInvalid(/store "dots\.a\.b"/),
  )
})

/** A folder with these modules, and the path of each. */
async function modules(context: TestContext, files: Readonly<Record<string, Names>>) {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-names-'))
  context.after(() => rm(directory, { recursive: true }))
  const source = new URL('../', import.meta.url).href
  const paths: string[] = []
  for (const [file, { topology, store }] of Object.entries(files)) {
    const path = join(directory, file)
    await writeFile(
      path,
      `import { defineTopology } from '${source}topology/define.ts'
import { words } from '${source}runtime/test-support/counting.ts'
export default defineTopology('${topology}', (builder) => {
  builder.stream('in', words).groupByKey('by-word').count('count', { store: '${store}' })
})
`,
    )
    paths.push(path)
  }
  return paths
}

test('a load tells all names that are shared at once, and files that define one topology', async (context) => {
  const paths = await modules(context, {
    'one.ts': { topology: 'shop', store: 'a-b' },
    'two.ts': { topology: 'shop-a', store: 'b' },
    'three.ts': { topology: 'dots', store: 'a.b' },
    'four.ts': { topology: 'dots.a', store: 'b' },
    'five.ts': { topology: 'shop', store: 'other' },
  })
  await assert.rejects(
    loadTopologies(paths),
    isInvalid(
      /topology "shop" is defined by .*one\.ts and .*five\.ts: rename one.*\n.*"shop-a-b-changelog".*\n.*"dots\.a\.b"[^\n]*$/,
    ),
  )
  await assert.rejects(loadTopologies([paths[0] ?? '', paths[0] ?? '']), (thrown) => {
    assert.ok(thrown instanceof TidemarkError)
    assert.match(thrown.message, /^topology .*one\.ts is named more than once$/)
    return true
  })
  assert.equal((await loadTopologies(paths.slice(1, 3))).length, 2)
})

function isInvalid(message: RegExp) {
  return { code: 'TOPOLOGY_INVALID', message }
}
