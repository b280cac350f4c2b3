import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffTopology, startRefusal, type ExistingTopology } from './diff.ts'
import {
  nextManifest,
  type StoreManifest,
  type SubTopologyManifest,
  type TopologyManifest,
} from './manifest.ts'

function store(name: string, more: Partial<StoreManifest> = {}): StoreManifest {
  const changelog = `app-${name}-changelog`
  return { name, kind: 'key-value', settings: '', changelog, ...more }
}

function sub(
  index: number,
  sources: readonly string[],
  stores: readonly StoreManifest[],
  partitionCount = 4,
): SubTopologyManifest {
  return { index, sources, stores, partitionCount }
}

function manifest(
  subTopologies: readonly SubTopologyManifest[],
  more: Partial<TopologyManifest> = {},
): TopologyManifest {
  const topics = subTopologies.flatMap(({ sources, stores, partitionCount }) => [
    ...sources.map((name) => ({ name, role: 'source' as const, partitionCount })),
    ...stores.flatMap(({ changelog }) =>
      changelog === null ? [] : [{ name: changelog, role: 'changelog' as const, partitionCount }],
    ),
  ])
  return { layout: 1, topology: 'app', subTopologies, topics, schemas: [], accepted: [], ...more }
}

const positions = (index: number) => store(`__broadcast-positions-${index}`, { kind: 'internal' })

/** What ran there before, with its topics. */
function ran(before: TopologyManifest): ExistingTopology {
  const topics = new Map(before.topics.map(({ name, partitionCount }) => [name, partitionCount]))
  return { manifest: before, topics }
}

const nothing: ExistingTopology = { manifest: null, topics: new Map() }
const counts = manifest([sub(0, ['events'], [store('counts')])])

function told(
  wanted: TopologyManifest,
  existing: ExistingTopology,
  options: Partial<Parameters<typeof diffTopology>[2]> = {},
): string[] {
  return diffTopology(wanted, existing, { accepted: [], ...options }).map(
    ({ kind, name, verdict }) => `${verdict} ${kind} ${name}`,
  )
}

test('where nothing ran, stores and topics are made', () => {
  assert.deepEqual(told(counts, nothing), [
    'goes store-added counts',
    'goes topic-created events',
    'goes topic-created app-counts-changelog',
  ])
})

test('the same topology again changes nothing', () => {
  assert.deepEqual(told(counts, ran(counts)), [])
})

test('a store that is gone is refused until its loss is accepted, and the refusal says how', () => {
  const wanted = manifest([sub(0, ['events'], [])])
  const changes = diffTopology(wanted, ran(counts), { accepted: [] })
  const refusal = startRefusal('app', changes)
  assert.equal(refusal?.code, 'STORE_ORPHANED')
  assert.match(refusal.message, /counts: .*--accept app\/counts/)
  for (const accepted of ['counts', 'app/counts']) {
    assert.deepEqual(told(wanted, ran(counts), { accepted: [accepted] }), [
      'notice store-orphaned counts',
    ])
  }
  assert.deepEqual(told(wanted, ran(counts), { accepted: ['other/counts'] }), [
    'refused store-orphaned counts',
  ])
})

test('what was accepted is remembered, and a store that comes back is refused', () => {
  const wanted = manifest([sub(0, ['events'], [])])
  const kept = nextManifest(wanted, counts, ['counts'])
  assert.deepEqual(kept.accepted, ['counts'])
  assert.deepEqual(told(wanted, { manifest: kept, topics: ran(counts).topics }), [])
  assert.deepEqual(told(counts, { manifest: kept, topics: ran(counts).topics }), [
    'refused store-returned counts',
  ])
  assert.deepEqual(nextManifest(counts, kept, ['counts']).accepted, [])
})

test('a store whose changelog a start had made that did not come to its end is no stranger', () => {
  const before = manifest([sub(0, ['events'], [])])
  assert.deepEqual(told(counts, { manifest: before, topics: ran(counts).topics }), [])
  assert.deepEqual(told(counts, ran(before)), [
    'notice store-added counts',
    'goes topic-created app-counts-changelog',
  ])
})

test('without a manifest the changelogs on the cluster tell of stores; other topologies’ do not count', () => {
  const topics = new Map([
    ['events', 4],
    ['app-counts-changelog', 4],
    ['app-gone-changelog', 4],
    ['app-two-gone-changelog', 4],
    ['app-__broadcast-positions-0-changelog', 4],
  ])
  const options = { otherTopologies: ['app-two', 'app'] }
  assert.deepEqual(told(counts, { manifest: null, topics }, options), [
    'refused store-orphaned gone',
  ])
})

test('another number of partitions is refused, for the store and for its topics', () => {
  const wanted = manifest([sub(0, ['events'], [store('counts')], 6)])
  const changes = diffTopology(wanted, ran(counts), { accepted: ['counts'] })
  assert.deepEqual(
    changes.map(({ kind, verdict }) => `${verdict} ${kind}`),
    ['refused store-repartitioned', 'refused topic-repartitioned', 'refused topic-repartitioned'],
  )
  for (const { effect } of changes) assert.match(effect, /keep 4, or .*tidemark reset/)
  assert.equal(startRefusal('app', changes)?.code, 'TOPIC_MISMATCH')
})

test('a store whose changelog is gone is refused, and neither accepted nor begun anew', () => {
  const { manifest: before, topics } = ran(counts)
  const left = new Map([...(topics ?? [])].filter(([name]) => name !== 'app-counts-changelog'))
  const options = { accepted: ['app/counts'] }
  const changes = diffTopology(counts, { manifest: before, topics: left }, options)
  const lost = changes.filter(({ kind }) => kind === 'changelog-lost')
  assert.deepEqual(
    lost.map(({ name, verdict, accept }) => [name, verdict, accept]),
    [['counts', 'refused', null]],
  )
  assert.match(startRefusal('app', changes)?.message ?? '', /app-counts-changelog is gone/)
  // Where nothing ran there is nothing to lose, and where topics are not known nobody can say.
  assert.equal(startRefusal('app', diffTopology(counts, nothing, options)), null)
  assert.equal(
    startRefusal('app', diffTopology(counts, { manifest: before, topics: null }, options)),
    null,
  )
})

test('a store of another kind is refused, one with another retention goes on with notice', () => {
  const windowed = manifest([
    sub(0, ['events'], [store('counts', { kind: 'window', settings: 'window 60000 ms' })]),
  ])
  assert.deepEqual(told(windowed, ran(counts)), ['refused store-changed counts'])
  const limited = manifest([sub(0, ['events'], [store('counts', { settings: 'ttl 5 ms' })])])
  assert.deepEqual(told(limited, ran(counts)), ['notice store-changed counts'])
})

test('a store that would be restored from another topic is refused, and may be agreed to', () => {
  const inFacts = manifest([sub(0, ['events'], [store('counts', { changelog: 'app.counts' })])])
  const inSource = manifest([sub(0, ['events'], [store('counts', { changelog: null })])])
  assert.deepEqual(told(inFacts, ran(inFacts)), [])
  assert.deepEqual(told(inSource, ran(inSource)), [])
  for (const [before, wanted] of [
    [counts, inFacts],
    [inFacts, counts],
    // As earlier versions could keep a table.
    [inSource, counts],
  ] as const) {
    const changes = told(wanted, ran(before))
    assert.ok(changes.includes('refused store-changed counts'), changes.join())
    const agreed = told(wanted, ran(before), { accepted: ['app/counts'] })
    assert.ok(agreed.includes('notice store-changed counts'), agreed.join())
  }
})

test('what a store would be restored from is told: facts that may have all its rows, or what has none', () => {
  const facts = { name: 'app.counts', role: 'sink' as const, partitionCount: 4 }
  const inFacts = {
    ...manifest([sub(0, ['events'], [store('counts', { changelog: facts.name })])]),
    topics: [facts],
  }
  const refusal = (wanted: TopologyManifest, before: TopologyManifest) =>
    startRefusal('app', diffTopology(wanted, ran(before), { accepted: [] }))?.message ?? ''
  assert.match(
    refusal(inFacts, counts),
    /was topic app-counts-changelog and would be the facts in app\.counts: go on where they have each .*\(--accept app\/counts\)/,
  )
  assert.match(
    refusal(counts, inFacts),
    /was topic app\.counts and would be app-counts-changelog, which says nothing/,
  )
})

const computed = (version: string, fingerprint: string) =>
  manifest([sub(0, ['events'], [store('counts', { parameters: { version, fingerprint } })])])

test('a store that was computed with other parameters is refused until it is agreed to, and the refusal says how', () => {
  const before = computed('v1', 'aaaa')
  assert.deepEqual(told(computed('v1', 'aaaa'), ran(before)), [])
  const changes = diffTopology(computed('v2', 'bbbb'), ran(before), { accepted: [] })
  const refusal = startRefusal('app', changes)
  assert.equal(refusal?.code, 'PARAMETERS_CHANGED')
  assert.match(
    refusal.message,
    /counts: was computed with parameters v1, and this code has v2: .*tidemark reset.*\(--accept app\/counts\)$/,
  )
  const accepted = ['counts']
  assert.deepEqual(told(computed('v2', 'bbbb'), ran(before), { accepted }), [
    'notice parameters-changed counts',
  ])
  // Agreed to, it is what the next start is compared with.
  const kept = nextManifest(computed('v2', 'bbbb'), before, accepted)
  assert.deepEqual(told(computed('v2', 'bbbb'), ran(kept)), [])
  assert.deepEqual(told(before, ran(kept)), ['refused parameters-changed counts'])
})

test('other parameters of the same version are seen, and so is a store that states none any more', () => {
  const before = computed('v1', 'aaaaaaaa11')
  const effectOf = (wanted: TopologyManifest) =>
    diffTopology(wanted, ran(before), { accepted: [] }).map(({ effect }) => effect)
  const [same = '', ...others] = effectOf(computed('v1', 'bbbbbbbb22'))
  assert.deepEqual(others, [])
  assert.match(
    same,
    /has others of the same version \(fingerprint aaaaaaaa, now bbbbbbbb; give them/,
  )
  assert.match(effectOf(counts).join(), /parameters v1, and this code states none/)
})

test('what an earlier version kept, which knew of no parameters, is taken for unchanged', () => {
  assert.deepEqual(told(computed('v1', 'aaaa'), ran(counts)), [])
  assert.deepEqual(nextManifest(computed('v1', 'aaaa'), counts, []), computed('v1', 'aaaa'))
})

test('of stores of which the same is to be said one line is, with all that --accept takes', () => {
  const both = (version: string) => {
    const parameters = { version, fingerprint: version }
    return manifest([sub(0, ['events'], [store('a', { parameters }), store('b', { parameters })])])
  }
  const changes = diffTopology(both('v2'), ran(both('v1')), { accepted: [] })
  const message = startRefusal('app', changes)?.message ?? ''
  assert.match(message, /\n {2}a, b: was computed .* \(--accept app\/a,app\/b\)$/)
  assert.equal(message.split('\n').length, 2)
})

test('a lost store beside other parameters: the code is of what is worse', () => {
  const before = manifest([
    sub(
      0,
      ['events'],
      [store('a'), store('b', { parameters: { version: 'v1', fingerprint: 'v1' } })],
    ),
  ])
  const now = [store('b', { parameters: { version: 'v2', fingerprint: 'v2' } })]
  const changes = diffTopology(manifest([sub(0, ['events'], now)]), ran(before), { accepted: [] })
  assert.equal(startRefusal('app', changes)?.code, 'STORE_ORPHANED')
})

test('a new number of a sub-topology is told; refused where positions are kept under the old one', () => {
  const two = manifest([sub(0, ['events'], [store('counts')]), sub(1, ['clicks'], [])])
  const turned = manifest([sub(0, ['clicks'], []), sub(1, ['events'], [store('counts')])])
  assert.deepEqual(told(turned, ran(two)), [
    'notice sub-topology-renumbered sub-topology-1',
    'notice sub-topology-renumbered sub-topology-0',
  ])
  const withPositions = manifest([
    sub(0, ['events'], [store('counts'), positions(0)]),
    sub(1, ['clicks'], []),
  ])
  const moved = manifest([
    sub(0, ['clicks'], []),
    sub(1, ['events'], [store('counts'), positions(1)]),
  ])
  const changes = diffTopology(moved, ran(withPositions), { accepted: [] })
  assert.equal(startRefusal('app', changes)?.code, 'STORE_ORPHANED')
  assert.match(startRefusal('app', changes)?.message ?? '', /--accept app\/sub-topology-0/)
})

test('a store that a join brings into another sub-topology is told, and so is the way back', () => {
  const apart = manifest([sub(0, ['events'], [store('a')]), sub(1, ['clicks'], [store('b')])])
  const joined = manifest([sub(0, ['events', 'clicks'], [store('a'), store('b'), store('both')])])
  const accepted = ['app/both']
  const movesOf = (wanted: TopologyManifest, before: TopologyManifest) =>
    diffTopology(wanted, ran(before), { accepted })
      .filter(({ kind }) => kind === 'store-moved' || kind === 'sub-topology-renumbered')
      .map(({ name, verdict, effect }) => `${verdict} ${name} ${effect.split(':')[0]}`)
  assert.deepEqual(movesOf(joined, apart), ['notice b moves from sub-topology 1 to 0'])
  assert.deepEqual(movesOf(apart, joined), ['notice b moves from sub-topology 0 to 1'])
})

test('a store that would move between sub-topologies that read reference data is refused', () => {
  const apart = manifest([
    sub(0, ['events'], [store('a')]),
    sub(1, ['clicks'], [store('b'), positions(1)]),
  ])
  const joined = manifest([sub(0, ['events', 'clicks'], [store('a'), store('b'), positions(0)])])
  const refusal = startRefusal('app', diffTopology(joined, ran(apart), { accepted: [] }))
  assert.match(refusal?.message ?? '', /b: moves from sub-topology 1 to 0, .*--accept app\/b/)
  assert.deepEqual(told(joined, ran(apart), { accepted: ['app/b'] }).slice(0, 1), [
    'notice store-moved b',
  ])
})

test('a repartition topic that nobody reads any more is told', () => {
  const before = manifest([sub(0, ['events'], [])], {
    topics: [
      { name: 'events', role: 'source', partitionCount: 4 },
      { name: 'app-by-key-repartition', role: 'repartition', partitionCount: 4 },
    ],
  })
  assert.deepEqual(told(manifest([sub(0, ['events'], [])]), ran(before)), [
    'notice topic-orphaned app-by-key-repartition',
  ])
})

test('a changed schema is told, one that the registry refuses is refused with its reason', () => {
  const schemas = (fingerprint: string) => ({ schemas: [{ subject: 'events-value', fingerprint }] })
  const before = manifest([sub(0, ['events'], [])], schemas('a'))
  const wanted = manifest([sub(0, ['events'], [])], schemas('b'))
  assert.deepEqual(told(wanted, ran(before)), ['notice schema-changed events-value'])
  const schemaFaults = new Map([['events-value', ['/fields/0: no default']]])
  const [change] = diffTopology(wanted, ran(before), { accepted: [], schemaFaults })
  assert.equal(change?.verdict, 'refused')
  assert.match(change.effect, /no default/)
})
