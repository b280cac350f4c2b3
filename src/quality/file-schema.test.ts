import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadSchema } from '../schema/schema-files.ts'
import { loadFileSchema, parseFileSchema } from './file-schema.ts'

const good = `topic: t
missing: ['', 'na']
rowsMin: 1
removedShareMax: 0.5
outlierFence: 1.5
fields:
  - { name: sex, meaning: who, type: text, values: [f, m] }
  - { name: age, meaning: how old, type: whole, range: [15, 22], outliers: true }
`

test('student performance has 33 fields, each with its range or its values', () => {
  const { fields, topic } = loadFileSchema('student-performance')
  assert.equal(fields.length, 33)
  assert.equal(topic, 'student_performance')
  assert.deepEqual(
    fields
      .filter((field) => field.type === 'text')
      .map(({ name }) => name)
      .join(' '),
    'school sex address famsize pstatus mjob fjob reason guardian schoolsup famsup paid activities nursery higher internet romantic',
  )
})

test('its fields are those of the topic and of the fact', () => {
  const names = loadFileSchema('student-performance').fields.map(({ name }) => name)
  for (const topic of ['student_performance', 'student_performance.student_data']) {
    const { fields } = loadSchema(topic) as { fields: { name: string; type: unknown }[] }
    const columns = fields.filter(({ type }) => type === 'bytes').map(({ name }) => name)
    assert.deepEqual(columns, names, topic)
  }
})

test('its values are those of the table’s view, in their order', () => {
  const path = new URL('../../schemas/clickhouse/0040_student_performance.sql', import.meta.url)
  const sql = readFileSync(path, 'utf8')
  for (const field of loadFileSchema('student-performance').fields) {
    const { name } = field
    if (field.type === 'whole') {
      assert.ok(sql.includes(`\n    ${name},\n`), name)
      continue
    }
    const values = field.values.map((value, code) => `'${value}' = ${code}`).join(', ')
    assert.ok(sql.includes(`    CAST(${name} AS Array(Enum8(${values}))) AS ${name},\n`), name)
  }
})

test('a schema that cannot be used says what is wrong with it', () => {
  const cases: readonly (readonly [found: string, instead: string, message: RegExp])[] = [
    ['[15, 22]', '[15, 300]', /range of age: expected two numbers from 0 to 255/],
    ['[15, 22]', '[22, 15]', /range of age/],
    ['values: [f, m]', 'values: []', /values of sex/],
    ['values: [f, m]', 'values: [F, m]', /F is not in lower case/],
    ['name: age', 'name: sex', /field sex is there twice/],
    ['type: whole', 'type: real', /type of age: expected text or whole, found real/],
    ['topic: t', 'topic: 7', /topic: expected text/],
    ['rowsMin: 1', 'rowsMin: many', /rowsMin: expected a number/],
    ['fields:', 'columns:', /fields: expected a list/],
  ]
  assert.equal(parseFileSchema(good, 'x.yaml').fields.length, 2)
  for (const [found, instead, message] of cases) {
    const parse = () => parseFileSchema(good.replace(found, instead), 'x.yaml')
    assert.throws(parse, { code: 'CONFIGURATION_INVALID', message }, instead)
  }
  assert.throws(() => loadFileSchema('nothing'), { code: 'CONFIGURATION_INVALID' })
})
