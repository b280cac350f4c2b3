/** The SQL for a cluster, as text and before the engine's own parser. No cluster runs here. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { clusterLayout, onCluster } from './cluster-ddl.ts'
import type { ClusterLayout } from './cluster-ddl.ts'
import { factTableDdl } from './fact-table-ddl.ts'
import { readMigrations } from './migrations.ts'
import { shadowEngine } from './rebuild-facts.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'
import type { TemporaryClickHouse } from './temporary-clickhouse.test-support.ts'

function layout(given: Partial<ClusterLayout>): ClusterLayout {
  const made = clusterLayout(given)
  assert.ok(made !== null)
  return made
}

const facts = layout({ onCluster: 'facts', replicated: true })

test('statements get ON CLUSTER after the name, engines their replicated form', () => {
  const golden: readonly (readonly [given: string, wanted: string])[] = [
    ['CREATE DATABASE IF NOT EXISTS mcq', 'CREATE DATABASE IF NOT EXISTS mcq ON CLUSTER `facts`'],
    [
      'CREATE TABLE IF NOT EXISTS mcq.t_versions (\n  x Int8 -- ENGINE = Log\n) ENGINE = ReplacingMergeTree(version, is_deleted)\nORDER BY x',
      "CREATE TABLE IF NOT EXISTS mcq.t_versions ON CLUSTER `facts` (\n  x Int8 -- ENGINE = Log\n) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mcq/t_versions', '{replica}', version, is_deleted)\nORDER BY x",
    ],
    [
      "create table `a b`.`c` (x String COMMENT 'ON CLUSTER; ENGINE = Log') engine MergeTree order by x",
      "create table `a b`.`c` ON CLUSTER `facts` (x String COMMENT 'ON CLUSTER; ENGINE = Log') engine ReplicatedMergeTree('/clickhouse/tables/{shard}/a b/c', '{replica}') order by x",
    ],
    [
      'CREATE TABLE t (x Int8) ENGINE = MergeTree() ORDER BY x',
      "CREATE TABLE t ON CLUSTER `facts` (x Int8) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/t', '{replica}') ORDER BY x",
    ],
    [
      'CREATE TABLE tidemark.schema_lock (holder String) ENGINE = Null',
      'CREATE TABLE tidemark.schema_lock ON CLUSTER `facts` (holder String) ENGINE = Null',
    ],
    [
      'CREATE OR REPLACE VIEW mcq.v AS SELECT 1',
      'CREATE OR REPLACE VIEW mcq.v ON CLUSTER `facts` AS SELECT 1',
    ],
    [
      'ALTER TABLE mcq.t ADD COLUMN IF NOT EXISTS y Int8',
      'ALTER TABLE mcq.t ON CLUSTER `facts` ADD COLUMN IF NOT EXISTS y Int8',
    ],
    ['DROP TABLE IF EXISTS a.b SYNC', 'DROP TABLE IF EXISTS a.b ON CLUSTER `facts` SYNC'],
    ['RENAME TABLE a.b TO a.c', 'RENAME TABLE a.b TO a.c ON CLUSTER `facts`'],
    ['EXCHANGE TABLES a.b AND a.c', 'EXCHANGE TABLES a.b AND a.c ON CLUSTER `facts`'],
    ['INSERT INTO a.b VALUES (1)', 'INSERT INTO a.b VALUES (1)'],
  ]
  for (const [given, wanted] of golden) assert.equal(onCluster(given, facts), wanted)
})

test('each of the two can be asked for alone', () => {
  const create = 'CREATE TABLE a.b (x Int8) ENGINE = MergeTree ORDER BY x'
  assert.equal(
    onCluster(create, layout({ replicated: true, keeperPath: '/t/{table}' })),
    "CREATE TABLE a.b (x Int8) ENGINE = ReplicatedMergeTree('/t/b', '{replica}') ORDER BY x",
  )
  assert.equal(
    onCluster(create, layout({ onCluster: '{cluster}' })),
    'CREATE TABLE a.b ON CLUSTER `{cluster}` (x Int8) ENGINE = MergeTree ORDER BY x',
  )
  assert.equal(clusterLayout({}), null)
})

test('what has no safe form is refused by name', () => {
  const refused: readonly (readonly [statement: string, why: RegExp])[] = [
    ['CREATE TABLE a.b (x Int8) ENGINE = Memory', /engine Memory keeps rows on one server/],
    ['CREATE TABLE a.b (x Int8) ENGINE = Log', /engine Log/],
    ['CREATE TABLE a.b AS a.c', /no ENGINE/],
    ['CREATE TABLE a.b ON CLUSTER other (x Int8) ENGINE = Null', /names a cluster of its own/],
    ['GRANT SELECT ON *.* TO reader', /begins like none/],
    ['CREATE USER x', /begins like none/],
    ['SYSTEM STOP MERGES', /begins like none/],
    ['ALTER TABLE (', /no name/],
  ]
  for (const [statement, message] of refused) {
    assert.throws(() => onCluster(statement, facts), { code: 'CONFIGURATION_INVALID', message })
  }
})

test('the shadow of a replicated table has a path of its own, however often it is rebuilt', () => {
  const engine = "ReplicatedReplacingMergeTree('/t/{shard}/a/b', '{replica}', version) ORDER BY x"
  const once = shadowEngine(engine, '0a1b-2c')
  assert.equal(
    once,
    "ReplicatedReplacingMergeTree('/t/{shard}/a/b-rebuilt-0a1b-2c', '{replica}', version) ORDER BY x",
  )
  assert.equal(shadowEngine(once, '9f'), once.replace('0a1b-2c', '9f'))
  const single = 'ReplacingMergeTree(version) ORDER BY x'
  assert.equal(shadowEngine(single, '9f'), single)
})

describe('before the engine’s own parser', () => {
  let temporary: TemporaryClickHouse
  before(async () => {
    temporary = await temporaryClickHouse()
  })
  after(() => temporary.remove())

  const parsed = async (statement: string): Promise<string> => {
    const result = await temporary.clickhouse.writer.query({
      query: `SELECT formatQuerySingleLine({statement:String}) AS text`,
      query_params: { statement },
      format: 'JSONEachRow',
    })
    const [row] = await result.json<{ text: string }>()
    return row?.text ?? ''
  }

  test('every migration of the product is a statement for the cluster', async () => {
    const directory = new URL('../../../schemas/clickhouse', import.meta.url).pathname
    let replicated = 0
    for (const { name, statements } of await readMigrations(directory)) {
      for (const statement of statements) {
        const text = await parsed(onCluster(statement, facts))
        assert.match(text, /ON CLUSTER facts/, `${name}: ${text.slice(0, 80)}`)
        // The parser has found the clause and the engine where they are meant; the rest is as it was.
        const without = text
          .replace(' ON CLUSTER facts', '')
          .replace(
            /Replicated(\w*MergeTree)\('\/clickhouse\/tables\/\{shard\}\/\w+\/\w+', '\{replica\}', /,
            '$1(',
          )
        assert.equal(without, await parsed(statement), name)
        if (text.includes('ReplicatedReplacingMergeTree(')) replicated += 1
      }
    }
    assert.ok(replicated > 10, `${replicated} replicated tables`)
  })

  test('generated tables, the lock, the claims and the rebuild are statements too', async () => {
    const statements = [
      ...factTableDdl({
        table: { database: 'a', table: 'b' },
        columns: [{ name: 'x', type: 'String' }],
        keyColumns: ['x'],
      }),
      "CREATE VIEW `tidemark`.`fact_epoch_0_1` AS SELECT 't' AS topic, 1 AS epoch\nCOMMENT '{}'",
      'RENAME TABLE tidemark.schema_lock TO tidemark.schema_lock_broken_1',
      'EXCHANGE TABLES `a`.`b_versions` AND `a`.`b_rebuild_versions`',
      "CREATE TABLE `a`.`c` AS `a`.`b` ENGINE = ReplicatedReplacingMergeTree('/t', '{replica}', version) ORDER BY x",
      'DROP TABLE IF EXISTS `a`.`c` SYNC',
    ]
    for (const statement of statements) {
      assert.match(await parsed(onCluster(statement, facts)), /ON CLUSTER facts/, statement)
    }
  })
})
