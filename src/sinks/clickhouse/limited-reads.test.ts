/** A reader who is limited to one database tries to read another, and what others do. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ClickHouse, ReadRequest } from './clickhouse.ts'
import { openClickHouse } from './open-clickhouse.ts'

let path: string
let clickhouse: ClickHouse

before(async () => {
  path = await mkdtemp(join(tmpdir(), 'tidemark-limited-'))
  clickhouse = await openClickHouse({ path, readDatabases: ['mine', 'ours'] })
  for (const query of [
    'CREATE DATABASE mine',
    'CREATE DATABASE ours',
    'CREATE DATABASE theirs',
    ...['mine', 'ours', 'theirs'].flatMap((name) => [
      `CREATE TABLE ${name}.scores_versions (id Int64, secret String) ENGINE = MergeTree ORDER BY id`,
      `INSERT INTO ${name}.scores_versions VALUES (1, 'of-${name}')`,
      `CREATE VIEW ${name}.scores AS SELECT * FROM ${name}.scores_versions`,
    ]),
    'CREATE VIEW mine.peep AS SELECT * FROM theirs.scores_versions',
  ]) {
    await clickhouse.writer.command({ query })
  }
})
after(async () => {
  await clickhouse.close()
  await rm(path, { recursive: true, force: true })
})

async function read(sql: string, more: Partial<ReadRequest> = {}): Promise<string> {
  const result = await clickhouse.read({
    sql,
    format: 'TabSeparated',
    settings: {},
    parameters: {},
    resultBytesMax: 1_000_000,
    databases: ['mine'],
    ...more,
  })
  let text = ''
  for await (const chunk of result.body) text += Buffer.from(chunk).toString()
  return text
}

test('reads its own tables and views, in any form and from any database that clients name', async () => {
  assert.equal(await read('SELECT secret FROM mine.scores'), 'of-mine\n')
  assert.equal(
    await read('SELECT secret FROM mine.scores FORMAT JSONEachRow'),
    '{"secret":"of-mine"}\n',
  )
  assert.equal(await read('SELECT secret FROM scores', { database: 'mine' }), 'of-mine\n')
  assert.equal(await read('SELECT 1', { database: 'default' }), '1\n')
  const both =
    'SELECT mine.scores.secret, ours.scores.secret FROM mine.scores JOIN ours.scores USING id'
  assert.equal(await read(both, { databases: ['mine', 'ours'] }), 'of-mine\tof-ours\n')
  await assert.rejects(read(both), { type: 'ACCESS_DENIED' })
  assert.equal(await read(both, { databases: null }), 'of-mine\tof-ours\n')
})

test('sees in the catalogue what it may read', async () => {
  assert.equal(await read('SELECT name FROM system.databases ORDER BY name'), 'mine\n')
  assert.equal(await read('SHOW DATABASES'), 'mine\n')
  assert.equal(await read('SHOW TABLES FROM mine'), 'peep\nscores\nscores_versions\n')
  assert.equal(await read("SELECT count() FROM system.tables WHERE database = 'theirs'"), '0\n')
  assert.equal(await read("SELECT count() FROM system.columns WHERE database = 'theirs'"), '0\n')
  assert.match(await read('SHOW CREATE TABLE mine.scores'), /CREATE VIEW/)
  assert.match(await read('DESCRIBE mine.scores'), /secret/)
})

/** Every way that was thought of; each must fail, and show nothing. */
const ways: readonly (string | [sql: string, more: Partial<ReadRequest>])[] = [
  'SELECT * FROM theirs.scores',
  'SELECT * FROM theirs.scores_versions FORMAT JSONEachRow',
  'SELECT count() FROM theirs.scores_versions',
  'SELECT * FROM `theirs` . `scores_versions`',
  'SELECT * FROM mine.peep',
  'SELECT * FROM mine.scores JOIN theirs.scores USING id',
  'SELECT * FROM mine.scores UNION ALL SELECT * FROM theirs.scores',
  'SELECT (SELECT secret FROM theirs.scores_versions LIMIT 1)',
  'SELECT id IN (SELECT id FROM theirs.scores_versions) FROM mine.scores',
  'SELECT 1 WHERE EXISTS (SELECT 1 FROM theirs.scores_versions)',
  'WITH x AS (SELECT * FROM theirs.scores_versions) SELECT * FROM x',
  'SELECT * FROM view(SELECT * FROM theirs.scores_versions)',
  "SELECT * FROM merge('theirs', '.*')",
  "SELECT * FROM merge(REGEXP('.*'), 'scores_versions')",
  "SELECT * FROM merge('system', 'processes')",
  'EXPLAIN SELECT * FROM theirs.scores_versions',
  'DESCRIBE theirs.scores_versions',
  'DESCRIBE (SELECT * FROM theirs.scores_versions)',
  'SHOW CREATE TABLE theirs.scores_versions',
  'EXISTS theirs.scores_versions',
  "SELECT hasColumnInTable('theirs', 'scores_versions', 'secret')",
  ['SELECT * FROM scores_versions', { database: 'theirs' }],
  ['SELECT * FROM {d:Identifier}.scores_versions', { parameters: { d: 'theirs' } }],
  ['SELECT * FROM {d:Identifier}.{t:Identifier}', { parameters: { d: 'system', t: 'processes' } }],
  ['SELECT * FROM processes', { database: 'system' }],
  ['SELECT * FROM mine.scores', { databases: [] }],
  ['SELECT * FROM mine.scores', { databases: ['nothing'] }],
  'SELECT query FROM system.processes',
  'SELECT * FROM `system`.`processes`',
  'SELECT * FROM system.errors',
  'SELECT * FROM system.user_processes',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM INFORMATION_SCHEMA.TABLES',
  'WITH system AS (SELECT 1) SELECT * FROM system',
  'SHOW PROCESSLIST',
  'SHOW GRANTS',
]

for (const way of ways) {
  const [sql, more] = typeof way === 'string' ? [way, {}] : way
  test(`does not get at the rest by ${sql} ${Object.keys(more).length > 0 ? JSON.stringify(more) : ''}`, async () => {
    const outcome = await read(sql, more).catch((thrown: unknown) => thrown)
    assert.ok(outcome instanceof Error, `it read: ${String(outcome)}`)
    assert.doesNotMatch(outcome.message, /of-theirs/)
  })
}

test('a limited statement leaves those after it as they are', async () => {
  await assert.rejects(read('SELECT * FROM theirs.scores'), { type: 'ACCESS_DENIED' })
  assert.equal(await read('SELECT secret FROM theirs.scores', { databases: null }), 'of-theirs\n')
  await clickhouse.writer.command({ query: "INSERT INTO theirs.scores_versions VALUES (2, 'x')" })
})
