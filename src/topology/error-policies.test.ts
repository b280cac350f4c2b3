import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringSerde } from '../core/serde.ts'
import { defineTopology } from './define.ts'
import { describe } from './describe.ts'
import type { ErrorPolicies } from './error-policies.ts'
import { testTopic } from './graph-harness.test-support.ts'

const texts = { keySerde: stringSerde, valueSerde: stringSerde }

function defined(policies: ErrorPolicies) {
  return defineTopology(
    'texts',
    (builder) => {
      const table = builder.table('rows', testTopic<string>('rows'), { store: 'rows', ...texts })
      table
        .foreignKeyLeftJoin(
          'pointed',
          table,
          (value) => value,
          (value) => value,
          {
            store: 'pointed',
            ...texts,
          },
        )
        .toStream('joined')
        .to('out', testTopic<string>('out'))
      table
        .groupBy('grouped', (key, value) => [value, key], texts)
        .count('counted', { store: 'counts' })
    },
    policies,
  )
}

test('a description says which nodes leave records out, derived ones as the one that was named', () => {
  const lines = describe(defined({ onErrorOf: { pointed: 'skip', out: 'quarantine' } }))
    .split('\n')
    .filter((line) => line.includes('on error'))
    .map((line) => line.trim())
  assert.deepEqual(lines, [
    'Processor: pointed-subscribe (stores: [rows], on error: skip)',
    'Processor: pointed-subscriptions (stores: [pointed-subscriptions, rows], on error: skip)',
    'Processor: pointed (stores: [rows, pointed], on error: skip)',
    'Sink: out (topic: out, on error: quarantine)',
  ])
})

test('an aggregate of a table fails, whatever all others do', () => {
  const { nodes } = defined({ onError: 'skip' })
  const strict = nodes.filter((node) => 'parents' in node && node.onError !== 'skip')
  assert.deepEqual(
    strict.map(({ name }) => name),
    ['counted'],
  )
  assert.throws(
    () => defined({ onErrorOf: { counted: 'skip' } }),
    /node "counted" must fail on an error, not skip: .* filter/,
  )
})

test('policies of unknown nodes and unknown policies are named', () => {
  assert.throws(
    () => defined({ onErrorOf: { pionted: 'skip' } }),
    /given for "pionted", which is none of the nodes: .*pointed/,
  )
  assert.throws(
    () => defined({ onError: 'ignore' as never }),
    /the error policy of "onError" is "ignore"; use fail, skip, quarantine/,
  )
})
