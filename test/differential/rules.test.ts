/** Where our output is not Kafka Streams' on purpose, the documentation says why, under the rule's name. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inputRules, judgeOutputRules, outputRules } from './support/normalise.ts'

test('every rule by which the two sides are made alike has its heading, and every such heading its rule', () => {
  const text = readFileSync(new URL('../../docs/semantics.md', import.meta.url), 'utf8')
  const headings = text
    .split('\n')
    .filter((line) => line.startsWith('### '))
    .flatMap((line) => line.slice('### '.length).split(', '))
  const rules = Object.keys({ ...inputRules, ...judgeOutputRules, ...outputRules })
  assert.deepEqual(headings.sort(), rules.sort())
})
