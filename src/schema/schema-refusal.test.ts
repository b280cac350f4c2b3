import assert from 'node:assert/strict'
import { test } from 'node:test'
import { present } from '../core/assert.ts'
import { HttpSchemaRegistry } from './http-schema-registry.ts'
import { openRegistryDoor } from './registry-door.test-support.ts'
import { schemaDifference, schemaRefusal } from './schema-refusal.ts'

const before = {
  type: 'record',
  name: 'Answer',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'seconds', type: ['null', 'double'] },
  ],
}
const after = {
  type: 'record',
  name: 'Answer',
  fields: [
    { name: 'level', type: 'int' },
    { name: 'seconds', type: 'double' },
    { name: 'id', type: 'string' },
  ],
}

async function differenceOf(level: 'BACKWARD' | 'FULL' | 'NONE') {
  const door = await openRegistryDoor()
  const registry = new HttpSchemaRegistry({ url: door.url })
  await registry.register('answers-value', before)
  await registry.setCompatibilityLevel(level, 'answers-value')
  try {
    return await schemaDifference(registry, 'answers-value', after)
  } finally {
    registry.close()
    await door.stop()
  }
}

test('each difference names its place, what is new there and what is registered', async () => {
  const difference = present(await differenceOf('BACKWARD'), 'a difference')
  assert.deepEqual(difference.lines, [
    '/fields/0: field "level" is not in the writer\'s Answer and has no default; new: {"name":"level","type":"int"}, registered: absent',
    '/fields/1/type: field "seconds": double cannot be read from null at /fields/1/type; new: "double", registered: ["null","double"]',
  ])
  const refusal = schemaRefusal([difference])
  assert.equal(refusal.code, 'SCHEMA_INCOMPATIBLE')
  assert.match(
    refusal.message,
    /subject "answers-value" breaks its compatibility BACKWARD with version 1 \(id 1\):\n {2}\/fields\/0/,
  )
})

test('where the earlier readers count too, what they cannot read is told', async () => {
  const full = await differenceOf('FULL')
  assert.equal(full?.lines.length, 2, 'an added field and a narrower one can be read by the old')
})

test('a schema that the registry takes has no difference', async () => {
  assert.equal(await differenceOf('NONE'), null)
})
