/** Each thing that documentation can lack, on a topology of one table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TableNotes } from '../../src/core/fact-table.ts'
import { topicName } from '../../src/core/record.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import { tupleSerde } from '../../src/core/tuple.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { factsModel, type DefinedFact, type ModelInput } from '../../tools/docs/facts-model.ts'
import type { Relation } from '../../tools/docs/relations.ts'

interface Field {
  readonly name: string
  readonly type: unknown
  readonly doc?: string
}

function topicOf(name: string, fields: readonly Field[]): TopicDefinition<readonly [string], any> {
  return {
    name: topicName(name),
    keySerde: tupleSerde<readonly [string]>(),
    keyOf: () => ['key'],
    schema: { type: 'record', name: 'R', doc: 'One row each.', fields },
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
}

const clicks = topicOf('clicks', [
  { name: 'who', type: 'string', doc: 'Who.' },
  { name: 'amount', type: 'int', doc: 'Clicks.' },
])
const who: Field = { name: 'who', type: 'string', doc: 'Who.' }
const total: Field = { name: 'total', type: 'long', doc: 'Clicks in all.' }
const totalNote = { unit: 'clicks', formula: 'sum of `clicks.amount`' }
const good: TableNotes = { columns: { total: totalNote } }
const stored = [
  ['who', 'String'],
  ['total', 'Int64'],
  ['version', 'UInt64'],
  ['is_deleted', 'UInt8'],
] as const

function inputOf(
  notes: TableNotes,
  fields: readonly Field[] = [who, total],
  columns: readonly (readonly [string, string])[] = stored,
): ModelInput {
  const topic = topicOf('site.totals', fields)
  const fact: DefinedFact = {
    database: 'site',
    table: 'totals',
    keyColumns: ['who'],
    topic,
    notes,
  }
  const graph = defineTopology('site', (builder) => {
    builder.stream('clicks', clicks).to('totals', topic)
  })
  const relation = (name: string, isView: boolean, left: readonly string[]): Relation => ({
    name,
    isView,
    reads: isView ? ['site.totals_versions'] : [],
    isUnion: false,
    columns: columns
      .filter(([column]) => !left.includes(column))
      .map(([column, type]) => ({ name: column, type, comment: '' })),
  })
  const relations = [
    relation('site.totals_versions', false, []),
    relation('site.totals', true, ['is_deleted']),
  ]
  return { graphs: [graph], facts: [fact], relations, notes: {} }
}

void test('a table whose columns all have a meaning, a unit and a source has no fault', () => {
  const { faults, tables } = factsModel(inputOf(good))
  assert.deepEqual(faults, [])
  const [whoColumn, totalColumn] = tables[0]?.columns ?? []
  assert.deepEqual(whoColumn?.sources, ['clicks.who'])
  assert.deepEqual(totalColumn?.sources, ['clicks.amount'])
  assert.equal(totalColumn.unit, 'clicks')
})

void test('a view’s column comes from the first table that has it, or from all where it is a union', () => {
  const input = inputOf(good)
  const sourcesOf = (isUnion: boolean) => {
    const reads = ['site.totals', 'site.others']
    const column = { name: 'who', type: 'String', comment: '' }
    const view: Relation = { name: 'site.both', isView: true, reads, isUnion, columns: [column] }
    const others: Relation = { ...view, name: 'site.others', reads: [] }
    const notes = {
      'site.both': { meaning: 'Both.', columns: {} },
      'site.others': {
        meaning: 'Others.',
        origin: 'elsewhere',
        columns: { who: { meaning: 'Who.' } },
      },
    }
    const model = factsModel({ ...input, relations: [...input.relations, others, view], notes })
    assert.deepEqual(model.faults, [])
    return model.tables.find(({ name }) => name === 'site.both')?.columns[0]?.sources
  }
  assert.deepEqual(sourcesOf(false), ['clicks.who'])
  assert.deepEqual(sourcesOf(true), ['clicks.who', 'elsewhere'])
})

void test('a column without a doc in its schema is named', () => {
  const { faults } = factsModel(inputOf(good, [who, { name: 'total', type: 'long' }]))
  assert.deepEqual(faults, [
    'site.totals.total has no meaning: give it a doc in schemas/avro/site.totals.avsc',
  ])
})

void test('a number without a unit is named', () => {
  const { formula } = totalNote
  assert.deepEqual(factsModel(inputOf({ columns: { total: { formula } } })).faults, [
    'site.totals.total is a number without a unit: say it in src/facts/columns',
  ])
})

void test('a column that no source event has, and no formula explains, is named', () => {
  assert.deepEqual(factsModel(inputOf({ columns: { total: { unit: 'clicks' } } })).faults, [
    'site.totals.total comes from nowhere: say from which fields in src/facts/columns',
  ])
})

void test('a formula that names what is not there is named', () => {
  const note = { unit: 'clicks', formula: '`clicks.amount` + `clicks.sum`' }
  assert.deepEqual(factsModel(inputOf({ columns: { total: note } })).faults, [
    'site.totals.total names clicks.sum, which is no column of it and no field it rests on',
  ])
})

void test('a note for a column that is gone is named', () => {
  const note = { total: totalNote, gone: { unit: 'clicks' } }
  assert.deepEqual(factsModel(inputOf({ columns: note })).faults, [
    'site.totals.gone has a note, and is no column',
  ])
  const notes = { 'site.gone': { columns: {} } }
  assert.deepEqual(factsModel({ ...inputOf(good), notes }).faults, [
    'site.gone has notes in src/facts/columns, and is no table',
  ])
})

void test('a schema and its table that differ by a column are named, both ways', () => {
  assert.deepEqual(
    factsModel(inputOf(good, [who, total, { name: 'late', type: 'boolean', doc: 'Late.' }])).faults,
    ['site.totals_versions lacks late, which the schema has'],
  )
  const more = [...stored, ['extra', 'String']] as const
  const { faults } = factsModel(inputOf(good, [who, total], more))
  assert.ok(faults.includes('site.totals_versions.extra is in no schema'), faults.join('\n'))
})

void test('a fact table that no migration makes is named', () => {
  assert.deepEqual(factsModel({ ...inputOf(good), relations: [] }).faults, [
    'site.totals_versions is in no migration',
  ])
})
