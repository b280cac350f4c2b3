import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faults } from './faults.ts'
import { runWithFaults } from './run-with-faults.ts'

/** Each fault strikes in each fifth of the run, so near 10, 50 and 90 % of it too. */
const roundsMin = 5
const faultsMin = 60
const rounds = Math.max(roundsMin, Number(process.env['TIDEMARK_EOS_ROUNDS'] ?? roundsMin))

test('what is committed follows from each deposit exactly once, in Kafka and in ClickHouse, whatever strikes', async (t) => {
  assert.ok(rounds * faults.length >= faultsMin)
  await runWithFaults(t, { rounds })
})
