/** What every sink keeps. Each implementation's test file runs this suite. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import type { Row, Sink, TableName } from './sink.ts'

export const conformanceTable: TableName = { database: 'conformance', table: 'scores' }
export const conformanceKey = ['student_id', 'exam_id'] as const
/** Name and ClickHouse type of each column beside event_time, known_at, version and is_deleted. */
export const conformanceColumns = [
  { name: 'student_id', type: 'String' },
  { name: 'exam_id', type: 'Int64' },
  { name: 'score', type: 'Nullable(Float64)' },
  { name: 'passed', type: 'Nullable(Bool)' },
  { name: 'scores_all', type: 'Array(Nullable(Float64))' },
  { name: 'labels', type: 'Map(String, Int64)' },
] as const

export interface SinkUnderTest {
  readonly sink: Sink
  /** Current rows of the table, in any order, in the types they were written with. */
  current(): Promise<readonly Row[]>
  clear(): Promise<void>
  close(): Promise<void>
}

export function sinkConformance(name: string, open: () => Promise<SinkUnderTest>): void {
  let held: SinkUnderTest
  const write = (rows: readonly Row[]) => held.sink.write([{ table: conformanceTable, rows }])
  const current = async () => (await held.current()).map(comparable).sort()

  before(async () => {
    held = await open()
    await held.sink.setup()
  })
  after(async () => {
    await held.sink.close()
    await held.close()
  })

  void test(`${name}: rows are there when write resolves, value for value`, async () => {
    await held.clear()
    const rows = [
      scoreRow({ student_id: 'tab\there\\ and\nnewline', score: 0.1 + 0.2 }),
      scoreRow({ student_id: 'ünïcode 漢字 🎓', score: -1e-300, passed: true }),
      scoreRow({ student_id: "it's", exam_id: Number.MAX_SAFE_INTEGER, passed: false }),
      scoreRow({
        student_id: 'lists',
        scores_all: [1.5, null, -2],
        labels: { "a'b\\c\t\n": 7, d: -1 },
      }),
      scoreRow({ student_id: '\\N', version: (3n << 48n) | 0xffffffffffffn }),
      scoreRow({ student_id: 'before 1970', event_time: -1, known_at: 999 }),
    ]
    await write(rows)
    assert.deepEqual(await current(), rows.map(comparable).sort())
  })

  void test(`${name}: the greatest version of a key is the row, whatever the order`, async () => {
    await held.clear()
    await write([scoreRow({ version: 2n, score: 20 })])
    await write([scoreRow({ version: 3n, score: 30 }), scoreRow({ version: 1n, score: 10 })])
    assert.deepEqual(await current(), [comparable(scoreRow({ version: 3n, score: 30 }))])
  })

  void test(`${name}: a deleted row is gone until a greater version brings it back`, async () => {
    await held.clear()
    await write([scoreRow({ version: 1n })])
    await write([deletedRow(2n)])
    await write([scoreRow({ version: 1n })])
    assert.deepEqual(await current(), [])
    await write([scoreRow({ version: 3n, score: 3 })])
    assert.deepEqual(await current(), [comparable(scoreRow({ version: 3n, score: 3 }))])
  })

  void test(`${name}: a table that is not there is refused by name`, async () => {
    const table = { database: 'conformance', table: 'nothing' }
    const isRefusal = (thrown: unknown) => {
      assert.ok(thrown instanceof TidemarkError)
      assert.equal(thrown.code, 'SINK_REFUSED')
      assert.match(thrown.message, /conformance\.nothing/)
      return true
    }
    await assert.rejects(held.sink.write([{ table, rows: [scoreRow({})] }]), isRefusal)
    await assert.rejects(held.sink.identitiesOf([conformanceTable, table]), isRefusal)
  })

  void test(`${name}: a table stays the same one while it is set up again and written to`, async () => {
    const [before] = await held.sink.identitiesOf([conformanceTable])
    assert.notEqual(before ?? '', '')
    await held.sink.setup()
    await write([scoreRow({})])
    const twice = await held.sink.identitiesOf([conformanceTable, conformanceTable])
    assert.deepEqual(twice, [before, before])
  })

  void test(`${name}: any batches, any order, any repetition give the rows of the greatest versions`, async () => {
    const versions = fc.uniqueArray(
      fc.record({
        student_id: fc.constantFrom('a', 'b'),
        version: fc.integer({ min: 1, max: 30 }),
        isDeleted: fc.boolean(),
      }),
      { selector: ({ student_id, version }) => `${student_id}${version}`, maxLength: 12 },
    )
    const property = fc.asyncProperty(versions, fc.infiniteStream(fc.nat(2)), async (all, dice) => {
      await held.clear()
      const rows = all.map(({ student_id, version, isDeleted }) =>
        isDeleted
          ? { ...deletedRow(BigInt(version)), student_id }
          : scoreRow({ student_id, version: BigInt(version), score: version }),
      )
      let batch: Row[] = []
      for (const row of [...rows, ...rows.toReversed()]) {
        batch.push(row)
        if (dice.next().value !== 0) continue
        await write(batch)
        batch = []
      }
      await write(batch)
      assert.deepEqual(await current(), greatest(rows).map(comparable).sort())
    })
    await fc.assert(property, { numRuns: 15 })
  })
}

export function scoreRow(values: Row): Row {
  return {
    student_id: 'student',
    exam_id: 1,
    score: null,
    passed: null,
    scores_all: [],
    labels: {},
    event_time: 1_700_000_000_123,
    known_at: 1_700_000_001_000,
    version: 1n,
    is_deleted: 0,
    ...values,
  }
}

/** What the consumer writes for a tombstone: the key alone. */
export function deletedRow(version: bigint): Row {
  const times = { event_time: 1_700_000_000_123, known_at: 1_700_000_000_123 }
  return { student_id: 'student', exam_id: 1, ...times, version, is_deleted: 1 }
}

function greatest(rows: readonly Row[]): Row[] {
  const newest = new Map<unknown, Row>()
  for (const row of rows) {
    const held = newest.get(row['student_id'])
    if (held === undefined || (held['version'] as bigint) < (row['version'] as bigint)) {
      newest.set(row['student_id'], row)
    }
  }
  return [...newest.values()].filter((row) => row['is_deleted'] !== 1)
}

function comparable(row: Row): string {
  const { is_deleted: _, ...columns } = row
  const sorted = Object.entries(columns).sort(([left], [right]) => (left < right ? -1 : 1))
  return JSON.stringify(sorted, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}
