/**
 * The saved questions against the tables that the migrations make: each is a statement that the engine answers. What they
 * answer over facts is in `test/questions`.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { migrationsDirectory } from '../../src/app/migrations-directory.ts'
import { systemClock } from '../../src/core/clock.ts'
import { runMigrations } from '../../src/sinks/clickhouse/migrations.ts'
import { ask } from '../../src/sinks/clickhouse/run-statement.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../src/sinks/clickhouse/temporary-clickhouse.test-support.ts'

/** Where saved questions are asked over facts whose answers are known. */
const answered = new URL('../questions/', import.meta.url)
const golden = new URL('../golden/student-performance.test.ts', import.meta.url)
const folder = new URL('../../schemas/clickhouse/questions/', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))

describe('saved questions', () => {
  let temporary: TemporaryClickHouse
  before(async () => {
    temporary = await temporaryClickHouse()
    const directory = migrationsDirectory
    await runMigrations(temporary.clickhouse, { directory, clock: systemClock })
  })
  after(() => temporary.remove())

  for (const file of files) {
    it(`is answered, without a row where there is none: ${file}`, async () => {
      const sql = readFileSync(new URL(file, folder), 'utf8')
      const rows = await ask<Record<string, unknown>>(temporary.clickhouse, sql, parametersOf(sql))
      assert.deepEqual(rows, [])
    })
  }

  it('say what they ask, for which seed, and what each parameter is', () => {
    for (const file of files) {
      const sql = readFileSync(new URL(file, folder), 'utf8')
      assert.match(sql, /^-- title: .+$/m, file)
      assert.match(sql, /^-- seed: .+$/m, file)
      const told = [...sql.matchAll(/^-- param (\w+): .+$/gm)].map(([, name]) => name)
      assert.deepEqual(told.toSorted(), Object.keys(parametersOf(sql)).toSorted(), file)
    }
  })
})

it('each has a test that knows its answer over facts', () => {
  const tests = readdirSync(answered)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(new URL(file, answered), 'utf8'))
    .join('\n')
  const ofStudents = 'student-performance-'
  const students = readFileSync(golden, 'utf8')
  const hasTest = (name: string) =>
    name.startsWith(ofStudents)
      ? students.includes(`'${name.slice(ofStudents.length)}': [`)
      : tests.includes(`.answer('${name}'`)
  const names = files.map((file) => file.slice(0, -'.sql'.length))
  assert.deepEqual(
    names.filter((name) => !hasTest(name)),
    [],
  )
})

/** A value of each parameter's type, by its name. */
function parametersOf(sql: string): Record<string, string | number> {
  const parameters = [...sql.matchAll(/\{(\w+):\s*(\w+)\}/g)]
  return Object.fromEntries(
    parameters.map(([, name = '', type = '']) => [name, type === 'String' ? 'nobody' : 1]),
  )
}
