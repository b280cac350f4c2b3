import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseCsvRow } from './csv-row.ts'

function cellsOf(text: string, delimiter = ','): readonly string[] {
  const row = parseCsvRow(text, delimiter)
  assert.ok(row.kind === 'cells')
  return row.cells
}

test('plain, quoted and empty cells, quotes and delimiters inside quotes', () => {
  assert.deepEqual(cellsOf('a,b,'), ['a', 'b', ''])
  assert.deepEqual(cellsOf(''), [''])
  assert.deepEqual(cellsOf('"a","b,c","say ""hi""",""'), ['a', 'b,c', 'say "hi"', ''])
  assert.deepEqual(cellsOf('"a",'), ['a', ''])
  assert.deepEqual(cellsOf('5" x,b'), ['5" x', 'b'])
  assert.deepEqual(cellsOf('"a";b', ';'), ['a', 'b'])
})

test('a quote that does not close leaves the row open, one that closes early is a fault', () => {
  assert.equal(parseCsvRow('a,"b', ',').kind, 'open')
  assert.equal(parseCsvRow('a,"b""', ',').kind, 'open')
  assert.equal(parseCsvRow('"a"b,c', ',').kind, 'fault')
})

test('whatever is written comes back', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', 'é', ' ') })
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1 }), fc.boolean(), (cells, quoteAll) => {
      const written = cells.map((each) =>
        quoteAll || /[",\n]/.test(each) ? `"${each.replaceAll('"', '""')}"` : each,
      )
      assert.deepEqual(cellsOf(written.join(',')), cells)
    }),
  )
})
