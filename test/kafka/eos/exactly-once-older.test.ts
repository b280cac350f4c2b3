import { test } from 'node:test'
import { runWithFaults } from './run-with-faults.ts'

test('deposits take effect exactly once with static members and the older protocol of transactions too', async (t) => {
  await runWithFaults(t, { rounds: 1, isStatic: true, protocolMax: 1 })
})
