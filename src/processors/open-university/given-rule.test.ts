/** Of two rules of one moment the later line of their file has the greater bytes; and state that releases before have left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroSerde } from '../../schema/avro-serde.ts'
import { loadSchema } from '../../schema/schema-files.ts'
import { givenRuleSerde, ruleOf, type GivenRule } from './given-rule.ts'
import { shippedRule } from './shipped-rule.test-support.ts'

const rule = { code_module: 'AAA', ...shippedRule }

test('the greater row of a file has the greater bytes, whatever the rules say; a rule of no file has less', () => {
  const weights = fc.record({
    code_module: fc.string(),
    weight_inactivity: fc.double({ min: 0, max: 1e9, noNaN: true }),
  })
  const row = fc.integer({ min: 1, max: 999_999_999_999_999 })
  const file = fc.constantFrom('f', 'g')
  const given = fc.record({ weights, file, row: fc.option(row, { nil: null }) })
  fc.assert(
    fc.property(given, given, (a, b) => {
      const [one, other] = [a, b].map(({ weights, file, row }): GivenRule => {
        const given = { ...rule, ...weights, _source_row: row === null ? null : `${file}:${row}` }
        assert.deepEqual({ ...givenRuleSerde.deserialize(givenRuleSerde.serialize(given)) }, given)
        return given
      }) as [GivenRule, GivenRule]
      if (a.row === b.row) return
      const bytes = Buffer.compare(givenRuleSerde.serialize(one), givenRuleSerde.serialize(other))
      assert.equal(bytes, Math.sign((a.row ?? 0) - (b.row ?? 0)))
    }),
    { numRuns: 2000 },
  )
})

test('a rule that a release before has kept is one of no file', () => {
  const { fields, ...schema } = loadSchema('at_risk_rules') as { fields: { name: string }[] }
  const earlier = { ...schema, fields: fields.filter(({ name }) => name !== '_source_row') }
  const bytes = avroSerde<typeof rule>('at-risk rule', 1, earlier).serialize(rule)
  const kept = givenRuleSerde.deserialize(bytes)
  assert.deepEqual({ ...kept }, { ...rule, _source_row: null })
  assert.deepEqual(ruleOf(kept), rule)
})
