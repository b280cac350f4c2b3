/** docs/facts.md against the schemas, the topologies and the tables that the engine makes of the migrations. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { currentFacts, type CurrentFacts } from '../../tools/docs/current-facts.ts'
import { factsPage } from '../../tools/docs/facts-page.ts'

const page = readFileSync(new URL('../../docs/facts.md', import.meta.url), 'utf8')
const sources = new URL('../../src/', import.meta.url)
/** What the program makes beside the migrations, by the file that does, and what the page calls it. */
const madeByProgram: Readonly<Record<string, string>> = {
  'jobs/erase/table-rows.ts': '| `tidemark.quality_results_erase` |',
  'jobs/features-columns.ts': '### adaptive_learning.user_attempts_wide\n',
  'sinks/clickhouse/cluster-epoch.ts': '| `tidemark.fact_epoch_<hash>_<n>` |',
  // The tables of a topology of one's own.
  'sinks/clickhouse/fact-table-ddl.ts': '`database.table_versions`',
  'sinks/clickhouse/migrations.ts': '### tidemark.schema_migrations\n',
  'sinks/clickhouse/rebuild-facts.ts': '| `database.table_rebuild_<id>_versions` |',
  'sinks/clickhouse/schema-lock.ts': '| `tidemark.schema_lock`,',
}
const common = ['event_time', 'known_at', 'version', 'is_deleted']

describe('docs/facts.md', () => {
  let current: CurrentFacts
  before(async () => {
    current = await currentFacts()
  })

  it('knows of every table and column a meaning, of every number a unit, and where all come from', () => {
    assert.deepEqual(current.model.faults, [])
  })

  it('is what `npm run docs` writes', () => {
    assert.equal(page, factsPage(current.model), 'run `npm run docs`')
  })

  it('has every table and view that readers see, the columns in their order, and no others', () => {
    const isRead = (name: string) => !name.endsWith('_versions')
    const engine = current.relations
      .filter(({ name }) => isRead(name))
      .map(({ name, columns }) => [
        name,
        columns
          .map((column) => column.name)
          .filter((column) => name === 'tidemark.schema_migrations' || !common.includes(column)),
      ])
    assert.deepEqual(Object.fromEntries(columnsOfPage()), Object.fromEntries(engine))
  })

  it('has what the program makes beside the migrations, each by the file that makes it', () => {
    const creates = /\bCREATE (OR REPLACE )?(TEMPORARY |MATERIALIZED )?(TABLE|VIEW) [\w$`]/
    const making = readdirSync(sources, { recursive: true })
      .map((file) => file.toString())
      .filter((file) => file.endsWith('.ts') && !file.includes('.test'))
      .filter((file) => creates.test(readFileSync(new URL(file, sources), 'utf8')))
    assert.deepEqual(making.sort(), Object.keys(madeByProgram))
    for (const name of Object.values(madeByProgram)) assert.ok(page.includes(name), name)
  })

  it('leads every table of a topology back to topics', () => {
    const facts = current.model.tables.filter(({ keyColumns }) => keyColumns.length > 0)
    const lost = facts.filter(({ lineage }) => lineage === null).map(({ name }) => name)
    assert.deepEqual(lost, ['tidemark.quarantine', 'tidemark.runs'])
    const summary = facts.find(({ name }) => name === 'mcq.test_summary_fact')
    assert.deepEqual(summary?.lineage?.topics, ['answers', 'sessions', 'submissions'])
    assert.deepEqual(summary.lineage.broadcastTopics, ['questions', 'tests'])
  })
})

/** By table, the first cell of each row. */
function columnsOfPage(): [string, string[]][] {
  const facts = page.slice(0, page.indexOf('## Source events'))
  return facts
    .split('\n### ')
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, column = '']) => column),
    ])
}
