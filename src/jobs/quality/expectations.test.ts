/** The expectations of the bundled topologies against their tables. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { bundledTopologyNames, loadTopologies } from '../../app/topologies.ts'
import { columnsOf, rowChecksOf } from './derived-checks.ts'
import { tableName } from './expectation.ts'
import { bundledExpectations, expectationsOf } from './expectations/of-topology.ts'
import { qualityDefaults } from './quality-options.ts'
import { nowMs, QualityBench, resultOf } from './quality.test-support.ts'
import { scoresOf } from './score.ts'

describe('expectations', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
  })
  after(() => bench.close())

  for (const { topology } of bundledExpectations) {
    it(`of ${topology} can be asked; of empty tables there is nothing to measure`, async () => {
      const results = await bench.measure(topology)
      const judged = results.filter(({ passed }) => passed !== null)
      assert.deepEqual(judged, [])
      const { score, topologies } = scoresOf([topology], results, qualityDefaults)
      assert.equal(score, null)
      assert.deepEqual(new Set(Object.values(topologies[0]?.dimensions ?? {})), new Set([null]))
      assert.ok(results.length > 20, `${results.length} results`)
    })
  }

  it('tell an answer to a question of another test, whichever came first; not one to a question that nobody knows', async () => {
    const [interactions, questions] = ['mcq.question_interaction_fact', 'mcq.questions']
    const answered = (test_id: string, question_id: string) => ({
      ...{ student_id: 'ann', test_id, question_id, answer_count: 1, revisited: false },
      ...{ first_answer_time: nowMs, last_answer_time: nowMs, time_spent: 0 },
    })
    await bench.put(interactions, [
      answered('t1', 'q1'),
      answered('t1', 'unknown'),
      answered('t2', 'q1'),
    ])
    await bench.put(questions, [{ question_id: 'q1', test_id: 't1', correct_option: 'A' }])
    const results = await bench.measure('mcq', { tables: [interactions] })
    await bench.clear(interactions, questions)
    const found = resultOf(results, `${interactions}/question_of_its_test`)
    assert.deepEqual(
      [found.level, found.rows, found.failed, found.passed],
      ['Warning', 2, 1, false],
    )
  })

  it('speak of every fact table of a topology, or say why not', async () => {
    for (const { graph, factTables } of await loadTopologies(bundledTopologyNames())) {
      const { tables, unjudged } = expectationsOf(graph.name, [])
      const known = [...tables.map(tableName), ...Object.keys(unjudged)].sort()
      const all = factTables.map(({ database, table }) => `${database}.${table}`).sort()
      assert.deepEqual(known, all, graph.name)
    }
  })

  it('name columns that there are, and each check of a table once', () => {
    for (const table of bundledExpectations.flatMap(({ tables }) => tables)) {
      const names = rowChecksOf(table, qualityDefaults).map(({ name }) => name)
      const columns = columnsOf(table.fact)
      const nullable = columns.filter(({ isNullable }) => isNullable).map(({ name }) => name)
      const own = [...(table.mayBeNull ?? []), ...Object.keys(table.nullPercentMax ?? {})]
      assert.deepEqual(
        own.filter((column) => !nullable.includes(column)),
        [],
        tableName(table),
      )
      assert.equal(new Set(names).size, names.length, `${tableName(table)}: ${names.join(' ')}`)
      assert.ok(!names.some((name) => name.includes(',')), tableName(table))
    }
  })

  it('of a topology of one’s own follow from its tables', () => {
    const [first] = bundledExpectations[0]?.tables ?? []
    assert.ok(first !== undefined)
    const { tables } = expectationsOf('my-own', [first.fact])
    const checks = tables.flatMap((table) => rowChecksOf(table, qualityDefaults))
    assert.deepEqual(
      checks.map(({ name }) => name),
      ['filled:final_answer_option', 'filled:is_correct', 'filled:key'],
    )
  })
})
