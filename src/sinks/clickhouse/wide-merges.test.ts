import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { defaultEngineLimits } from './engine-config.ts'
import { runMigrations } from './migrations.ts'
import { openClickHouse } from './open-clickhouse.ts'
import { ask } from './run-statement.ts'

const directory = new URL('../../../schemas/clickhouse/', import.meta.url).pathname
const table = 'student_performance.student_data_versions'
const partCount = 9
const rowsPerPart = 470
const studentsPerRow = 395

void test('parts of dropped files are merged in a fraction of the engine’s memory', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-clickhouse-'))
  const limits = { ...defaultEngineLimits, memoryBytesMax: 160 * 1024 * 1024 }
  const clickhouse = await openClickHouse({ path, limits })
  t.after(async () => {
    await clickhouse.close()
    await rm(path, { recursive: true, force: true })
  })
  await runMigrations(clickhouse, { directory, clock: systemClock })
  const { writer } = clickhouse
  const columns = await ask<{ name: string; type: string }>(
    clickhouse,
    `SELECT name, type FROM system.columns
WHERE database = 'student_performance' AND table = 'student_data_versions' AND type LIKE 'Array%'`,
  )
  for (let part = 0; part < partCount; part++) {
    const values = columns.map(
      ({ name, type }) =>
        `CAST(arrayMap(i -> cityHash64(number, i) % 20, range(${studentsPerRow})) AS ${type}) AS ${name}`,
    )
    await writer.command({
      query: `INSERT INTO ${table} (file_hash, batch, ${columns.map(({ name }) => name).join(', ')}, event_time, known_at, version)
SELECT hex(sipHash128(number, ${part})) AS file_hash, 0 AS batch, ${values.join(', ')}, now64(), now64(), number
FROM numbers(${rowsPerPart})`,
    })
  }
  await writer.command({ query: `OPTIMIZE TABLE ${table} FINAL` })
  const [found] = await ask<{ parts: string; rows: string }>(
    clickhouse,
    `SELECT count() AS parts, sum(rows) AS rows FROM system.parts
WHERE active AND database = 'student_performance' AND table = 'student_data_versions'`,
  )
  assert.deepEqual(
    { parts: Number(found?.parts), rows: Number(found?.rows) },
    { parts: 1, rows: partCount * rowsPerPart },
  )
})
