import { test } from 'node:test'
import { runWithFaults } from './run-with-faults.ts'

const rounds = Number(process.env['TIDEMARK_EOS_ROUNDS'] ?? 5)

test('what is committed follows from each deposit exactly once, in Kafka and in ClickHouse, whatever strikes', async (t) => {
  await runWithFaults(t, { rounds })
})
