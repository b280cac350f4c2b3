import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ManualClock } from '../../../core/clock.ts'
import { LastRetry } from '../connections/last-retry.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { RequestScope } from './request-scope.ts'

test('a scope tells of each time that it tries again, until it gives up', async () => {
  const clock = new ManualClock(1000)
  const lastRetry = new LastRetry(clock)
  const scope = new RequestScope({
    cluster: {} as KafkaCluster,
    clock,
    random: () => 1,
    lane: 'main',
    giveUpAfterMs: 5000,
    requestTimeoutMs: 1000,
    onRetry: lastRetry.note,
  })
  assert.equal(lastRetry.atMs, null)
  const loading = new ProtocolError(14, 'EndTxn')
  const told: (number | null)[] = []
  const ended = assert.rejects(
    scope.repeat(() => {
      told.push(lastRetry.atMs)
      return Promise.reject(loading)
    }),
    loading,
  )
  while (scope.failure === null) {
    await new Promise(setImmediate)
    clock.advance(100)
  }
  await ended
  assert.ok(told.length > 5)
  assert.equal(told[0], null)
  const later = told.slice(1).map(Number)
  assert.deepEqual(
    later,
    [...new Set(later)].sort((left, right) => left - right),
  )
})
