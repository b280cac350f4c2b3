/** docs/facts.md against an instance of all topologies that works: whoever looks at its tables finds them on the page. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { bundledTopologyNames } from '../../src/app/topologies.ts'
import { anyTopic } from '../../tools/docs/relations.ts'
import { ofValues, startMs, TestInstance } from '../integration/doors-support/test-instance.ts'
import { documentedColumns } from './seeds-page.ts'

const topics = ['algebra', "it's a `topic`"]
const wide = 'adaptive_learning.user_attempts_wide'
/** Only on a ClickHouse that instances share. */
const ofClusters = ['tidemark.fact_epochs']
const documented = new Map(
  [...documentedColumns()].filter(([name]) => !name.startsWith('topic ')),
) as ReadonlyMap<string, ReadonlySet<string>>

describe('the tables and views of an instance that works', () => {
  let columns: ReadonlyMap<string, readonly string[]>

  before(async () => {
    const instance = await TestInstance.open({ topologies: bundledTopologyNames() })
    try {
      const attempts = topics.map((topic, index) => ({
        ...{ user_id: 'ann', item_id: `i${index}`, topic, correct: true, time_taken_ms: 1000 },
        timestamp: startMs + index,
      }))
      await instance.post('/topics/user.attempts', ofValues(...attempts))
      await instance.idle()
      for (const job of ['features.view', 'quality.check']) {
        const { outcome } = await instance.instance.services.jobs.start(job, {})
        await outcome
      }
      columns = await columnsOf(instance)
    } finally {
      await instance.stop()
    }
  })

  it('are on the page, and no others', () => {
    const isVersions = (name: string) =>
      name.endsWith('_versions') && documented.has(name.slice(0, -'_versions'.length))
    const own = [...columns.keys()].filter((name) => !isVersions(name))
    const page = [...documented.keys()].filter((name) => !ofClusters.includes(name))
    assert.deepEqual(own.toSorted(), page.toSorted())
  })

  it('have no column that is not there, those that topics make by their pattern', () => {
    for (const [name, found] of columns) {
      const of = documented.get(name)
      if (of === undefined) continue
      const lost = found.filter((column) => !of.has(column) && !of.has(patternOf(column)))
      assert.deepEqual(lost, [], name)
    }
  })

  it('have an ability a topic, under the name that the page says', () => {
    const pattern = `irt_ability_${anyTopic}_before`
    assert.ok(documented.get(wide)?.has(pattern), pattern)
    const abilities = columns.get(wide)?.filter((column) => column.startsWith('irt_ability_'))
    assert.deepEqual(
      abilities,
      topics.map((topic) => pattern.replace(anyTopic, topic)),
    )
  })
})

function patternOf(column: string): string {
  const topic = topics.find((each) => column === `irt_ability_${each}_before`)
  return topic === undefined ? column : column.replace(topic, anyTopic)
}

/** By `database.table`, in all databases that are not the engine's own. */
async function columnsOf(instance: TestInstance): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await instance.rows<{ name: string; columns: readonly string[] }>(
    `SELECT concat(tables.database, '.', tables.name) AS name, groupArray(columns.name) AS columns
     FROM system.tables AS tables
     LEFT JOIN (SELECT * FROM system.columns ORDER BY database, table, position) AS columns
       ON columns.database = tables.database AND columns.table = tables.name
     WHERE lower(tables.database) NOT IN ('system', 'information_schema')
     GROUP BY ALL`,
  )
  return new Map(rows.map(({ name, columns }) => [name, columns]))
}
