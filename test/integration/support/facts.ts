/** All facts of an instance, and where two differ. */
import assert from 'node:assert/strict'
import type { FactTable } from '../../../src/core/fact-table.ts'
import { factTables as adaptiveLearningTables } from '../../../topologies/adaptive-learning.ts'
import { factTables as examScoreTables } from '../../../topologies/exam-scores.ts'
import { factTables as mcqTables } from '../../../topologies/mcq.ts'
import { factTables as openUniversityTables } from '../../../topologies/open-university.ts'
import { factTables as studentPerformanceTables } from '../../../topologies/student-performance.ts'
import type { InstanceProcess } from './instance-process.ts'

type Table = Pick<FactTable, 'database' | 'table'>

/** Superseded rows tell what was known meanwhile: they follow from the delivery, and not from the events alone. */
const isOfTheDelivery = ({ table }: Table) => table === 'user_attempts_superseded'

/** Of all five topologies. */
export const factTables: readonly Table[] = [
  ...mcqTables,
  ...examScoreTables,
  ...openUniversityTables,
  ...studentPerformanceTables,
  ...adaptiveLearningTables,
].filter((table) => !isOfTheDelivery(table))

/** `database.table` to its rows in order, each as JSON. */
export type Facts = ReadonlyMap<string, readonly string[]>

/** Every row and column, but for those that tell when and by which write a row came. */
export async function factsOf(instance: InstanceProcess): Promise<Facts> {
  const facts = new Map<string, readonly string[]>()
  for (const { database, table } of factTables) {
    const rows = await ask(
      instance,
      `SELECT * EXCEPT (known_at, version) FROM ${database}.${table} ORDER BY ALL FORMAT JSONEachRow`,
    )
    facts.set(`${database}.${table}`, rows)
  }
  return facts
}

/** With what was refused, once each however often it came: its original bytes, without its registry's number for the
 * schema, and why. */
export async function factsAndRefusedOf(instance: InstanceProcess): Promise<Facts> {
  const refused = await ask(
    instance,
    `SELECT DISTINCT topic, \`check\`, level, reason, record_format,
       hex(if(record_format = 'avro', substring(record_value, 6), record_value)) AS record_value
     FROM tidemark.quarantine ORDER BY ALL FORMAT JSONEachRow`,
  )
  return new Map([...(await factsOf(instance)), ['tidemark.quarantine', refused]])
}

export async function ask(instance: InstanceProcess, sql: string): Promise<readonly string[]> {
  const response = await fetch(instance.url('clickhouse'), { method: 'POST', body: sql })
  const text = await response.text()
  if (!response.ok) throw new Error(`${sql}: ${text}`)
  return text.split('\n').filter((line) => line !== '')
}

export function assertSameFacts(actual: Facts, expected: Facts, hint: string): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()])
  for (const [table, rows] of expected) {
    const found = new Set(actual.get(table))
    const wanted = new Set(rows)
    const missing = rows.filter((row) => !found.has(row))
    const wrong = [...found].filter((row) => !wanted.has(row))
    const shown = [
      ...wrong.slice(0, 3).map((row) => `+ ${row}`),
      ...missing.slice(0, 3).map((row) => `- ${row}`),
    ]
    assert.ok(
      missing.length === 0 && wrong.length === 0,
      `${table}: ${missing.length} rows are missing, ${wrong.length} are others (${hint})\n${shown.join('\n')}`,
    )
    assert.equal(actual.get(table)?.length, rows.length, `${table}: a row is there twice (${hint})`)
  }
}
