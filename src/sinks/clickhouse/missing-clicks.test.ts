/** Tables of a release that knew no missing clicks are gone on with. */
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { runMigrations } from './migrations.ts'
import { ask } from './run-statement.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'

const ours = new URL('../../../schemas/clickhouse/', import.meta.url).pathname
const migration = '0064_open_university_missing_clicks.sql'
const table = 'open_university.fact_vle_interactions_versions'

void test('clicks that nobody knows are NULL in a table that has rows already, and its rows stay', async (t) => {
  const { clickhouse, remove } = await temporaryClickHouse()
  t.after(remove)
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-migrations-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const names = (await readdir(ours)).filter((name) => name.endsWith('.sql'))
  for (const name of names.filter((each) => each < migration)) {
    await copyFile(join(ours, name), join(directory, name))
  }
  const run = () => runMigrations(clickhouse, { directory, clock: systemClock })
  const insert = (site: number, clicks: string, version: number) =>
    clickhouse.writer.command({
      query: `INSERT INTO ${table} (code_module, code_presentation, id_student, id_site, date, sum_click, click_rows,
  event_time, known_at, version) VALUES ('AAA', '2013J', 1, ${site}, 0, ${clicks}, 1, 0, 0, ${version})`,
    })
  const rows = () =>
    ask<object>(
      clickhouse,
      'SELECT id_site, sum_click FROM open_university.fact_vle_interactions ORDER BY id_site',
    )
  await run()
  await insert(1, '4', 1)
  await insert(2, '0', 2)
  await copyFile(join(ours, migration), join(directory, migration))
  assert.deepEqual(await run(), [migration])
  await insert(2, 'NULL', 3)
  await insert(3, 'NULL', 4)
  const expected = [
    { id_site: 1, sum_click: 4 },
    { id_site: 2, sum_click: null },
    { id_site: 3, sum_click: null },
  ]
  assert.deepEqual(await rows(), expected)
  // Killed before it was recorded, it runs again.
  const marks = 'tidemark.schema_migrations DELETE WHERE version = 64 SETTINGS mutations_sync = 1'
  await clickhouse.writer.command({ query: `ALTER TABLE ${marks}` })
  assert.deepEqual(await run(), [migration])
  assert.deepEqual(await rows(), expected)
})
