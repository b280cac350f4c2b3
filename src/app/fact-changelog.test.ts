/** What operators are told of a fact topic that is its store's changelog. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import examScores from '../../topologies/exam-scores.ts'
import { counts, words } from '../runtime/test-support/counting.ts'
import { defineTopology } from '../topology/define.ts'
import { diffTopology } from '../topology/diff.ts'
import { storesOf, type TopologyManifest } from '../topology/manifest.ts'
import { loadConfiguration } from './configuration.ts'
import { explain } from './explain.ts'
import { manifestOf } from './manifest.ts'
import { resetTopology } from './reset.ts'

const schema = { type: 'record', name: 'r', fields: [{ name: 'a', type: 'int' }] }
const graph = defineTopology('counting', (builder) => {
  builder
    .stream('word', { ...words, schema })
    .groupByKey('by-word')
    .count('count', { store: 'counts', changelog: { ...counts, schema } })
})
const loaded = { graph, factTables: [], moduleUrl: import.meta.url }

test('the manifest names it, a sink, where the log does not keep the state itself', () => {
  const on = (withChangelogs: boolean) => {
    const manifest = manifestOf(graph, { defaultPartitionCount: 4, withChangelogs })
    return {
      stores: storesOf(manifest).map(({ name, changelog }) => [name, changelog]),
      topics: manifest.topics.map(({ name, role }) => `${role} ${name}`).sort(),
    }
  }
  const topics = ['sink counts', 'source words']
  assert.deepEqual(on(true), { stores: [['counts', 'counts']], topics })
  assert.deepEqual(on(false), { stores: [['counts', null]], topics })
})

test('it is explained as what it is', () => {
  const configuration = loadConfiguration({
    flags: {},
    environment: {
      KAFKA_BOOTSTRAP_SERVERS: 'one:9092',
      SCHEMA_REGISTRY_URL: 'http://registry:8081',
      CLICKHOUSE_URL: 'http://clickhouse:8123',
    },
    directory: import.meta.dirname,
  })
  const { items } = explain(configuration, [loaded])
  const topics = items.filter(({ what }) => what === 'topic').map(({ name }) => name)
  assert.ok(!topics.some((name) => name.endsWith('-changelog')), topics.join())
  assert.match(
    items.find(({ what, name }) => what === 'topic' && name === 'counts')?.why ?? '',
    /^counting, sink: .*, and is the changelog of store counts$/,
  )
})

test('a reset deletes it with the facts, and knows that it keeps state', () => {
  const { facts, factChangelogs, changelogs } = resetTopology(loaded, 4, true, undefined)
  assert.deepEqual([facts, factChangelogs], [['counts'], ['counts']])
  assert.deepEqual(changelogs, [])
  assert.deepEqual(resetTopology(loaded, 4, false, undefined).factChangelogs, [])
})

/** As it was when the store of failed checks had a changelog of its own. */
function examScoresBefore(withChangelogs: boolean): TopologyManifest {
  const now = manifestOf(examScores, { defaultPartitionCount: 4, withChangelogs })
  const changelog = 'exam-scores-failed-checks-changelog'
  const subTopologies = now.subTopologies.map((of) => ({
    ...of,
    stores: of.stores.map((each) =>
      withChangelogs && each.name === 'failed-checks' ? { ...each, changelog } : each,
    ),
  }))
  return { ...now, subTopologies }
}

test('failed checks of exam scores go over to their facts: agreed to on a cluster, at once elsewhere', () => {
  const changes = (withChangelogs: boolean) => {
    const wanted = manifestOf(examScores, { defaultPartitionCount: 4, withChangelogs })
    const existing = { manifest: examScoresBefore(withChangelogs), topics: null }
    return diffTopology(wanted, existing, { accepted: [] })
  }
  assert.deepEqual(changes(false), [])
  const [change, ...others] = changes(true)
  assert.deepEqual(others, [])
  assert.equal(change?.verdict, 'refused')
  assert.equal(change.accept, 'exam-scores/failed-checks')
  assert.match(
    change.effect,
    /would be the facts in exam_scores\.data_quality_checks_results: go on/,
  )
})
