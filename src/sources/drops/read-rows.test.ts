import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashOf } from './cell-codes.ts'
import { fileOf, sampleHeader, sampleRows, schema, withValue } from './drops.test-support.ts'
import { readRows, type ReadRows } from './read-rows.ts'
import { batchRowsMax, columnOf, type RowBatch } from './row-batch.ts'

async function read(text: string | Buffer, chunkBytes = 1 << 20, name = 'f.csv') {
  const bytes = Buffer.from(text)
  const batches: RowBatch[] = []
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const rows = await readRows(chunks(), name, schema, (batch) => void batches.push(batch))
  return { ...rows, batches, count: rows.batches }
}

/** What the file says, as the seed would have it: lower case, by name. */
function values(batches: readonly RowBatch[]): Record<string, string | number>[] {
  return batches.flatMap((batch) =>
    Array.from(batch.rowNumbers, (_, row) =>
      Object.fromEntries(
        schema.fields.map((field, index) => {
          const code = columnOf(batch, index)[row] ?? -1
          return [field.name, field.type === 'text' ? (field.values[code] ?? '') : code]
        }),
      ),
    ),
  )
}

function problemOf({ problems }: Pick<ReadRows, 'problems'>): string {
  const [first] = problems
  return first === undefined
    ? 'none'
    : `${first.check} ${first.line} ${first.column} ${first.found}`
}

test('the real file has 395 rows of 33 values, in lower case', async () => {
  const { rowsRead, rowsRemoved, batches, problemsTotal } = await read(fileOf(0, 395))
  assert.deepEqual([rowsRead, rowsRemoved, problemsTotal], [395, 0, 0])
  const [first] = values(batches)
  assert.equal(
    Object.values(first ?? {}).join(' '),
    'gp f 18 u gt3 a 4 4 at_home teacher course mother 2 2 0 yes no no no yes yes no no 4 3 4 1 1 3 6 5 6 6',
  )
})

test('delimiter, quotes, byte order mark, line ends, case and order of columns make no difference', async () => {
  const expected = values((await read(fileOf(0, 20))).batches)
  const cells = [sampleHeader, ...sampleRows.slice(0, 20)].map((line) =>
    line.replaceAll('"', '').split(';'),
  )
  const form = fc.record({
    delimiter: fc.constantFrom(';', ',', '\t'),
    quoted: fc.constantFrom(
      (cell: string) => cell,
      (cell: string) => `"${cell}"`,
      (cell: string) => ` "${cell}" `,
    ),
    mark: fc.boolean(),
    lineEnd: fc.constantFrom('\n', '\r\n'),
    change: fc.constantFrom(
      (text: string) => text,
      (text: string) => text.toUpperCase(),
      (text: string) => ` ${text} `,
    ),
    order: fc.shuffledSubarray([...Array(33).keys()], { minLength: 33 }),
    lastEnd: fc.boolean(),
    chunkBytes: fc.integer({ min: 1, max: 5000 }),
  })
  await fc.assert(
    fc.asyncProperty(form, async (form) => {
      const lines = cells.map((row) =>
        form.order
          .map((column) => form.change(row[column] ?? ''))
          .map((cell) => form.quoted(cell))
          .join(form.delimiter),
      )
      const mark = form.mark ? '\uFEFF' : ''
      const text = `${mark}${lines.join(form.lineEnd)}${form.lastEnd ? form.lineEnd : ''}`
      const found = await read(text, form.chunkBytes)
      assert.equal(problemOf(found), 'none')
      assert.deepEqual(values(found.batches), expected)
    }),
    { numRuns: 60 },
  )
})

test('rows with a missing value are removed and counted, and the others keep their numbers', async () => {
  const lines = sampleRows.slice(0, 6)
  lines[1] = withValue(lines[1] ?? '', 'age', '')
  lines[3] = withValue(withValue(lines[3] ?? '', 'Mjob', '"?"'), 'age', 'NA')
  const { rowsRead, rowsRemoved, batches, findings } = await read(
    [sampleHeader, ...lines].join('\n'),
  )
  assert.deepEqual([rowsRead, rowsRemoved], [6, 2])
  assert.deepEqual([...(batches[0]?.rowNumbers ?? [])], [1, 3, 5, 6])
  const missing = findings.filter(({ check }) => check === 'missing_values')
  assert.deepEqual(
    missing.map(({ column, rows }) => `${column} ${rows}`),
    ['age 2', 'mjob 1'],
  )
})

test('a file that is not what its schema says has no batch, and says where', async () => {
  const [row = ''] = sampleRows
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    ['', /^header_present 0 {2}.*there is no header line/],
    [sampleHeader, /^rows_present 0 {2}0, after 0/],
    [`${sampleHeader};G4\n${row};7`, /^field_expected 1 G4 a field g4$/],
    [sampleHeader.replace('age', 'sex'), /^field_once 1 sex sex again$/],
    [sampleHeader.replace('age;', ''), /^field_present 1 age none$/],
    [`${sampleHeader}\n${row}\n${row.slice(0, 40)}`, /^cells_match_header 3 {2}\d+$/],
    [`${sampleHeader}\n${row};`, /^cells_match_header 2 {2}34$/],
    [`${sampleHeader}\n${withValue(row, 'age', '14')}`, /^value_allowed 2 age 14$/],
    [`${sampleHeader}\n${withValue(row, 'age', '15.5')}`, /^value_allowed 2 age 15.5$/],
    [`${sampleHeader}\n${withValue(row, 'sex', '"x"')}`, /^value_allowed 2 sex x$/],
    [`${sampleHeader}\n${withValue(row, 'age', '')}`, /^rows_present 0 {2}0, after 1/],
    [`${sampleHeader}\n${row.replace('"GP"', '"GP')}`, /^row_readable 2/],
    [`${sampleHeader}\n\u00e9${row}`, /^value_allowed 2 school/],
  ]
  for (const [text, problem] of cases) {
    const found = await read(text)
    assert.match(problemOf(found), problem)
    assert.deepEqual(found.batches, [], text)
  }
  const found = await read(
    Buffer.concat([Buffer.from(`${sampleHeader}\n`), Buffer.from([0xff, 0x3b])]),
  )
  assert.match(problemOf(found), /^row_readable 2 {2}cell 1: the bytes are not UTF-8/)
})

test('a wrong cell is refused though it has the hash of a good one', async () => {
  const [row = ''] = sampleRows
  const [good, wrong] = ['"yes"', 'xyesx'].map((cell) => Buffer.from(cell))
  assert.ok(good !== undefined && wrong !== undefined)
  assert.equal(hashOf(good, 0, good.length), hashOf(wrong, 0, wrong.length))
  const lines = [good, wrong].map((cell) => withValue(row, 'romantic', cell.toString()))
  const found = await read([sampleHeader, ...lines].join('\n'))
  assert.equal(problemOf(found), 'value_allowed 3 romantic xyesx')
})

test('all problems are counted, and the first hundred listed', async () => {
  const row = withValue(sampleRows[0] ?? '', 'age', '99')
  const found = await read([sampleHeader, ...Array<string>(250).fill(row)].join('\n'))
  assert.deepEqual([found.problemsTotal, found.problems.length], [250, 100])
})

test('equal rows, values far from the others and sets with much missing are found', async () => {
  const rows = sampleRows.slice(0, 20)
  const far = withValue(rows[0] ?? '', 'absences', '93')
  const { findings } = await read([sampleHeader, ...rows, rows[3], rows[3], far].join('\n'))
  const named = new Map(findings.map((finding) => [`${finding.check} ${finding.column}`, finding]))
  assert.equal(named.get('duplicate_rows ')?.rows, 2)
  assert.match(named.get('duplicate_rows ')?.detail ?? '', /the first is row 21/)
  assert.ok((named.get('outliers absences')?.rows ?? 0) >= 1)
  const empty = withValue(rows[0] ?? '', 'age', '')
  const half = await read([sampleHeader, rows[0], empty, empty].join('\n'))
  assert.equal(half.findings[0]?.check, 'incomplete_set')
})

test('a long file comes in batches, whose last one is never announced too early', async () => {
  for (const count of [batchRowsMax, batchRowsMax + 1, 2 * batchRowsMax]) {
    const rows = Array.from({ length: count }, (_, index) => sampleRows[index % 395])
    const { batches, count: announced } = await read([sampleHeader, ...rows].join('\n'), 65_536)
    assert.deepEqual(
      batches.map(({ index }) => index),
      [...Array(Math.ceil(count / batchRowsMax)).keys()],
    )
    assert.equal(announced, batches.length)
    const numbers = batches.flatMap(({ rowNumbers }) => [...rowNumbers])
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, index) => index + 1),
    )
  }
})
