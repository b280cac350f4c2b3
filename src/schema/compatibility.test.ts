import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CompatibilityLevel } from './compatibility-level.ts'
import { compatibilityLevels, levelFaults } from './compatibility-level.ts'
import { incompatibilities } from './compatibility.ts'
import { parseAvro } from './parse-avro.ts'

const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields })
const a = { name: 'a', type: 'int' }
const b = { name: 'b', type: 'int' }
const optionalB = { name: 'b', type: 'int', default: 0 }
const inField = (type: unknown) => record({ name: 'x', type })
const enumOf = (symbols: string[], rest: object = {}) => ({
  type: 'enum',
  name: 'E',
  symbols,
  ...rest,
})
const fixed = (size: number, name = 'F') => ({ type: 'fixed', name, size })
const list = (value: string, name = 'L') => ({
  type: 'record',
  name,
  fields: [
    { name: 'value', type: value },
    { name: 'next', type: ['null', name], default: null },
  ],
})

/** What the reader holds against the writer: type and path. */
const pairs: [what: string, reader: unknown, writer: unknown, found: string[]][] = [
  ['the same record', record(a), record(a), []],
  ['a field less', record(a), record(a, b), []],
  ['a field more, with a default', record(a, optionalB), record(a), []],
  ['a field more', record(a, b), record(a), ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/1']],
  [
    'two fields more',
    record(a, b),
    record(),
    [
      'READER_FIELD_MISSING_DEFAULT_VALUE /fields/0',
      'READER_FIELD_MISSING_DEFAULT_VALUE /fields/1',
    ],
  ],
  ['fields in another order', record(b, a), record(a, b), []],
  ['a field under an alias', record({ ...a, name: 'z', aliases: ['a'] }), record(a), []],
  [
    'an alias for two fields',
    record({ ...a, aliases: ['b'] }),
    record(a, b),
    ['NAME_MISMATCH /fields/0'],
  ],
  ['another name', { ...record(a), name: 'S' }, record(a), ['NAME_MISMATCH /name']],
  ['another name with an alias', { ...record(a), name: 'S', aliases: ['R'] }, record(a), []],
  ['another namespace', { ...record(a), namespace: 'org.other' }, record(a), []],
  ['int as long', inField('long'), inField('int'), []],
  ['int as float', inField('float'), inField('int'), []],
  ['int as double', inField('double'), inField('int'), []],
  ['long as float', inField('float'), inField('long'), []],
  ['long as double', inField('double'), inField('long'), []],
  ['float as double', inField('double'), inField('float'), []],
  ['string as bytes', inField('bytes'), inField('string'), []],
  ['bytes as string', inField('string'), inField('bytes'), []],
  ['long as int', inField('int'), inField('long'), ['TYPE_MISMATCH /fields/0/type']],
  ['double as float', inField('float'), inField('double'), ['TYPE_MISMATCH /fields/0/type']],
  ['double as long', inField('long'), inField('double'), ['TYPE_MISMATCH /fields/0/type']],
  ['string as int', inField('int'), inField('string'), ['TYPE_MISMATCH /fields/0/type']],
  ['boolean as int', inField('int'), inField('boolean'), ['TYPE_MISMATCH /fields/0/type']],
  ['fixed as bytes', inField('bytes'), inField(fixed(2)), ['TYPE_MISMATCH /fields/0/type']],
  [
    'a logical type as its number',
    inField('long'),
    inField({ type: 'long', logicalType: 'timestamp-millis' }),
    [],
  ],
  ['more symbols', enumOf(['A', 'B']), enumOf(['A']), []],
  ['fewer symbols', enumOf(['A']), enumOf(['A', 'B']), ['MISSING_ENUM_SYMBOLS /symbols']],
  ['fewer symbols with a default', enumOf(['A'], { default: 'A' }), enumOf(['A', 'B']), []],
  ['a fixed of another size', fixed(2), fixed(3), ['FIXED_SIZE_MISMATCH /size']],
  ['a fixed of another name', fixed(2, 'G'), fixed(2), ['NAME_MISMATCH /name']],
  ['items that widen', { type: 'array', items: 'long' }, { type: 'array', items: 'int' }, []],
  [
    'items that narrow',
    { type: 'array', items: 'int' },
    { type: 'array', items: 'long' },
    ['TYPE_MISMATCH /items'],
  ],
  [
    'map values that narrow',
    { type: 'map', values: 'int' },
    { type: 'map', values: 'long' },
    ['TYPE_MISMATCH /values'],
  ],
  [
    'an array as a map',
    { type: 'map', values: 'int' },
    { type: 'array', items: 'int' },
    ['TYPE_MISMATCH /'],
  ],
  ['a value that may be null now', inField(['null', 'int']), inField('int'), []],
  [
    'a value that may not be null any more',
    inField('int'),
    inField(['null', 'int']),
    ['TYPE_MISMATCH /fields/0/type'],
  ],
  ['a union with a branch more', ['null', 'int', 'string'], ['null', 'int'], []],
  [
    'a union with a branch less',
    ['null', 'int'],
    ['null', 'int', 'boolean'],
    ['MISSING_UNION_BRANCH /'],
  ],
  ['a union whose branch widens', ['null', 'double'], ['null', 'int'], []],
  ['a recursive record', list('long'), list('int'), []],
  ['a recursive record that narrows', list('int'), list('long'), ['TYPE_MISMATCH /fields/0/type']],
]

describe('a reader’s schema against a writer’s', () => {
  for (const [what, reader, writer, expected] of pairs) {
    test(`${what}: ${expected.length === 0 ? 'compatible' : expected.join(', ')}`, () => {
      const found = incompatibilities(parseAvro(reader), parseAvro(writer))
      assert.deepEqual(
        found.map(({ type, path }) => `${type} ${path}`),
        expected,
      )
    })
  }

  test('a verdict that rested on a failed assumption is not kept', () => {
    // Reading P needs Q, and Q needs P: Q looks fine while P is in question, until P's last field fails.
    const tree = (last: string) => ({
      type: 'record',
      name: 'P',
      fields: [
        {
          name: 'q',
          type: [
            'null',
            { type: 'record', name: 'Q', fields: [{ name: 'p', type: ['null', 'P'] }] },
          ],
        },
        { name: 'last', type: last },
      ],
    })
    const reader = parseAvro({
      type: 'record',
      name: 'Top',
      fields: [
        { name: 'one', type: ['null', tree('int')] },
        { name: 'two', type: 'Q' },
      ],
    })
    const writer = parseAvro({
      type: 'record',
      name: 'Top',
      fields: [
        { name: 'one', type: ['null', tree('string')] },
        { name: 'two', type: 'Q' },
      ],
    })
    const paths = incompatibilities(reader, writer).map(({ path }) => path)
    assert.ok(paths.includes('/fields/0/type'))
    assert.ok(
      paths.some((path) => path.startsWith('/fields/1/type')),
      paths.join(),
    )
  })

  test('a wide graph of shared records is compared once a pair', () => {
    let type: unknown = { type: 'record', name: 'N0', fields: [{ name: 'v', type: 'int' }] }
    for (let level = 1; level <= 50; level++) {
      type = {
        type: 'record',
        name: `N${level}`,
        fields: [
          { name: 'l', type },
          { name: 'r', type: `N${level - 1}` },
        ],
      }
    }
    assert.deepEqual(incompatibilities(parseAvro(type), parseAvro(type)), [])
  })
})

/** Which levels take the last schema after the earlier ones. */
const histories: [what: string, earlier: unknown[], last: unknown, taken: CompatibilityLevel[]][] =
  [
    ['the first schema', [], record(a), [...compatibilityLevels]],
    ['an optional field more', [record(a)], record(a, optionalB), [...compatibilityLevels]],
    ['an optional field less', [record(a, optionalB)], record(a), [...compatibilityLevels]],
    ['a required field more', [record(a)], record(a, b), ['NONE', 'FORWARD', 'FORWARD_TRANSITIVE']],
    [
      'a required field less',
      [record(a, b)],
      record(a),
      ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE'],
    ],
    ['another type', [record(a)], record({ ...a, type: 'string' }), ['NONE']],
    [
      'a wider type',
      [record(a)],
      record({ ...a, type: 'long' }),
      ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE'],
    ],
    [
      'a default taken away that only the first version needs',
      [record(a), record(a, optionalB)],
      record(a, b),
      ['NONE', 'BACKWARD', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL'],
    ],
    [
      'a field taken away that only the first version needs',
      [record(a, b), record(a, optionalB)],
      record(a),
      ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FULL'],
    ],
  ]

describe('a compatibility level', () => {
  for (const [what, earlier, last, taken] of histories) {
    for (const level of compatibilityLevels) {
      test(`${level} ${taken.includes(level) ? 'takes' : 'refuses'} ${what}`, () => {
        const versions = earlier.map((schema, index) => ({
          version: index + 1,
          type: parseAvro(schema),
        }))
        const found = level === 'NONE' ? [] : levelFaults(level, parseAvro(last), versions)
        assert.equal(found.length === 0, taken.includes(level), JSON.stringify(found))
        assert.deepEqual(levelFaults('NONE', parseAvro(last), versions), [])
      })
    }
  }
})
