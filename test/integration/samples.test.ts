/** A newcomer's first minutes: `tidemark up` in an empty directory, and everything that can be asked has an answer. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { bundledTopologyNames } from '../../src/app/topologies.ts'
import { firstFacts } from '../../src/cli/first-facts.ts'
import { ask } from '../../src/sinks/clickhouse/run-statement.ts'
import { InstanceProcess } from './support/instance-process.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const questions = fileURLToPath(new URL('../../schemas/clickhouse/questions/', import.meta.url))

/** What may stay empty. */
const mayBeEmpty: ReadonlySet<string> = new Set([
  // Without a rule of one's own the shipped one counts.
  'open_university.at_risk_rules',
  // What failed a check: nothing does.
  'exam_scores.data_quality_checks_results',
  // An attempt that comes late replaces rows only where they were written before it came; these come together.
  'adaptive_learning.user_attempts_superseded',
])
/** Of what the samples fill: others ask what refused records, checks and runs have left. */
const ofSamples =
  /FROM (mcq|exam_scores|open_university|student_performance|adaptive_learning)\.\w+/
/** Asks what is missing, and nothing is. */
const emptyAnswers = new Set(['unknown-references'])
const parameters: Readonly<Record<string, string | number>> = {
  attribute: 'gender',
  exam: 1752,
  module: 'AAA',
  presentation: '2014J',
  student: '11391',
  user: 'learner-1',
}

describe('after `up --exit-when-idle` in an empty directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-samples-'))
  const dataDir = join(directory, 'data')
  let output = ''
  let instance: Instance

  before(async () => {
    const words = ['--samples', '--exit-when-idle']
    const started = new InstanceProcess({ dataDir, portOffset: await freePortOffset(), words })
    const { code } = await started.exited
    output = started.output
    assert.equal(code, 0, output)
    const configuration = loadConfiguration({ flags: { dataDir }, environment: {}, directory })
    instance = await openInstance(configuration, { listen: false })
  })
  after(async () => {
    await instance.stop()
    rmSync(directory, { recursive: true })
  })

  const rowsOf = (sql: string) => ask<object>(instance.services.clickhouse, sql, parametersOf(sql))

  test('a first fact of each topology is printed', () => {
    for (const { title } of firstFacts) assert.ok(output.includes(title), title)
    const shown = new Set(firstFacts.map(({ topology }) => topology))
    assert.deepEqual([...shown].sort(), bundledTopologyNames())
    assert.match(output, /lag 0: every event is in the facts/)
  })

  test('every table has rows, and nothing was refused', async () => {
    const tables = instance.services.topologies.flatMap(({ factTables }) =>
      factTables.map(({ database, table }) => `${database}.${table}`),
    )
    assert.ok(tables.length > 40, `${tables.length} tables`)
    const empty: string[] = []
    for (const table of tables) {
      if ((await rowsOf(`SELECT 1 FROM ${table} LIMIT 1`)).length === 0) empty.push(table)
    }
    assert.deepEqual(
      empty.filter((table) => !mayBeEmpty.has(table)),
      [],
    )
    assert.deepEqual(await rowsOf('SELECT * FROM tidemark.quarantine'), [])
  })

  for (const file of readdirSync(questions).filter((name) => name.endsWith('.sql'))) {
    const name = file.slice(0, -'.sql'.length)
    test(`the saved question ${name} is answered, with rows where the samples have some`, async () => {
      const sql = readFileSync(join(questions, file), 'utf8')
      const rows = await rowsOf(sql)
      if (ofSamples.test(sql)) assert.equal(rows.length > 0, !emptyAnswers.has(name))
    })
  }
})

function parametersOf(sql: string): Record<string, string | number> {
  const names = [...sql.matchAll(/\{(\w+):/g)].map(([, name = '']) => name)
  return Object.fromEntries(
    names.map((name) => {
      const value = parameters[name]
      assert.ok(value !== undefined, `no value for the parameter ${name}`)
      return [name, value]
    }),
  )
}
