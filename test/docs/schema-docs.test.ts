/** What docs/README.md says of `doc` attributes: they may change at any time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelFaults } from '../../src/schema/compatibility-level.ts'
import { compileAvro } from '../../src/schema/compile-avro.ts'
import { parseAvro } from '../../src/schema/parse-avro.ts'
import { loadSchema, schemaTopics } from '../../src/schema/schema-files.ts'

test('a schema whose words have changed is compatible at the strictest level, and of the same form', () => {
  for (const topic of schemaTopics()) {
    const schema = parseAvro(loadSchema(topic))
    const reworded = parseAvro(reword(loadSchema(topic)))
    const faults = levelFaults('FULL_TRANSITIVE', reworded, [{ version: 1, type: schema }])
    assert.deepEqual(faults, [], topic)
    // The canonical form, whose fingerprint Avro compares: all that concerns bytes, and no words.
    assert.deepEqual(compileAvro(reworded).schema(), compileAvro(schema).schema(), topic)
  }
})

function reword(schema: unknown): unknown {
  return JSON.parse(
    JSON.stringify(schema, (name, value: unknown) => (name === 'doc' ? 'Other words.' : value)),
  )
}
