/** Which of a row's versions counts, in any order of them; and state that releases before have left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assessmentSerde } from './known-assessments.ts'
import { clicksOf, siteDaySerde } from './site-day.ts'
import { joinVersion, placeOf, versionsSerde, type NextVersion, type Versions } from './versions.ts'

const aVersion: fc.Arbitrary<NextVersion> = fc.record({
  ms: fc.nat({ max: 3 }),
  place: fc.option(
    fc.record({ file: fc.constantFrom('f', 'g', 'h'), row: fc.integer({ min: 1, max: 3 }) }),
    { nil: null },
  ),
  cells: fc.tuple(fc.constantFrom('a', 'b', null)),
  isGood: fc.boolean(),
})

const shuffles = fc
  .array(aVersion, { minLength: 1, maxLength: 8 })
  .chain((set) =>
    fc.tuple(
      fc.shuffledSubarray(set, { minLength: set.length }),
      fc.shuffledSubarray([...set, ...set], { minLength: 2 * set.length }),
    ),
  )

function join(all: readonly NextVersion[]) {
  let versions: Versions | undefined
  let raw: unknown = null
  let clean: unknown = null
  for (const each of all) {
    const change = joinVersion(versions, each)
    if (change === null) continue
    assert.deepEqual(change.before, clean)
    // State is what its bytes say.
    versions = versionsSerde.deserialize(versionsSerde.serialize(change.versions))
    raw = change.raw ?? raw
    clean = change.clean ?? clean
  }
  assert.ok(versions)
  return { versions, raw, clean }
}

test('any order and repetition of versions gives the same, and what was told is what counts', () => {
  fc.assert(
    fc.property(shuffles, ([one, other]) => {
      const joined = join(one)
      assert.deepEqual(join(other), joined)
      const { received, good } = joined.versions
      assert.deepEqual(joined.raw, received[0]?.cells ?? null)
      assert.deepEqual(joined.clean, (good ?? received)[0]?.cells ?? null)
    }),
    { numRuns: 5000 },
  )
})

test('of one file the greatest row counts, whenever it came', () => {
  const row = fc.record({ ms: fc.nat({ max: 5 }), row: fc.integer({ min: 1, max: 5 }) })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), (rows) => {
      const { raw } = join(
        rows.map(({ ms, row }) => ({
          ms,
          place: { file: 'f', row },
          cells: [`${row}`],
          isGood: true,
        })),
      )
      assert.deepEqual(raw, [`${Math.max(...rows.map(({ row }) => row))}`])
    }),
  )
})

test('of files the one that came last counts, with its greatest row, also where part of it comes again', () => {
  const version = (ms: number, file: string, row: number): NextVersion => ({
    ms,
    place: { file, row },
    cells: [`${file}${row}`],
    isGood: true,
  })
  const imported = [version(1, 'f', 1), version(2, 'f', 2), version(3, 'g', 1)]
  assert.deepEqual(join(imported).clean, ['g1'])
  assert.deepEqual(join([...imported, version(4, 'f', 1)]).clean, ['f2'])
})

test('a row mended in quarantine counts instead of the one that it was', () => {
  const place = { file: 'f', row: 2 }
  const refused: NextVersion = { ms: 1, place, cells: ['z'], isGood: false }
  const mended: NextVersion = { ms: 2, place, cells: ['a'], isGood: true }
  for (const order of [
    [refused, mended],
    [mended, refused],
  ]) {
    const { raw, clean } = join(order)
    assert.deepEqual([raw, clean], [['a'], ['a']])
  }
})

test('files that are remembered of one row have a bound', () => {
  const files = Array.from({ length: 100 }, (_, index) => index)
  const { versions } = join(
    files.map((ms) => ({
      ms,
      place: { file: `file ${ms}`, row: 1 },
      cells: [`${ms}`],
      isGood: ms % 2 === 0,
    })),
  )
  assert.deepEqual(
    versions.received.map(({ ms }) => ms),
    [99, 98, 97, 96],
  )
  assert.deepEqual(
    versions.good?.map(({ ms }) => ms),
    [98, 96, 94, 92],
  )
})

test('a place is a file and a number, or none', () => {
  assert.deepEqual(placeOf('0123456789abcdef:17'), { file: '0123456789abcdef', row: 17 })
  for (const text of [null, undefined, '', 'f', 'f:', ':1', 'f:-1', 'f:1.5', 'f:1:2']) {
    assert.equal(placeOf(text), null, String(text))
  }
})

test('state of a release that knew no files is gone on with', () => {
  const ofLayout1 = (hex: string) => Buffer.from(hex, 'hex')
  const latest = { ms: 5, place: null, cells: ['AAA', 'x', null] }
  const good = { ms: 3, place: null, cells: ['AAA', '268', 'courses'] }
  const refused = ofLayout1(
    '010a0602064141410202780000000206020602064141410206323638020e636f757273657300',
  )
  assert.deepEqual(versionsSerde.deserialize(refused), { received: [latest], good: [good] })
  const taken = ofLayout1('010a0602064141410202780000010000')
  assert.deepEqual(versionsSerde.deserialize(taken), { received: [latest], good: null })
  const assessment = ofLayout1('01020a06020641414102027800000100000006')
  assert.deepEqual(assessmentSerde.deserialize(assessment), {
    versions: { received: [latest], good: null },
    known: null,
    results: 3,
  })
  const { sites } = siteDaySerde.deserialize(ofLayout1('01020a040e00'))
  assert.deepEqual(sites, [{ site: 5, rows: 2, countedRows: 2, clicks: 7 }])
  assert.deepEqual(sites.map(clicksOf), [7])
  assert.throws(() => versionsSerde.deserialize(Buffer.of(9)), /layout 9 .* reads 2/)
})
