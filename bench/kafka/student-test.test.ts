import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interactionOf, joinAnswer, studentTestSerde, summaryOf } from './student-test.ts'

test('an answer makes facts, a repeated one none, a second one revisits its question', () => {
  const state = { questions: [] }
  const first = joinAnswer(state, 'a1\tq0\ta\t1000')
  assert.ok(first)
  assert.equal(interactionOf(first), '1000\t1000\t1\ta\ttrue\tfalse\t0')
  assert.equal(summaryOf(state), '1\t0\t1\t1000\t1000\t1000')
  assert.equal(joinAnswer(state, 'a1\tq0\ta\t1000'), null)
  const again = joinAnswer(state, 'a2\tq0\tb\t1500')
  assert.ok(again)
  assert.equal(interactionOf(again), '1000\t1500\t2\tb\tfalse\ttrue\t500')
  assert.ok(joinAnswer(state, 'a3\tq5\tb\t1600'))
  assert.equal(summaryOf(state), '2\t1\t1\t500\t1000\t1600')
  assert.deepEqual(studentTestSerde.deserialize(studentTestSerde.serialize(state)), state)
})
