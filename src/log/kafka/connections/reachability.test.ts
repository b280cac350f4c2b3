import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock } from '../../../core/clock.ts'
import { openCluster } from '../connected-cluster.ts'
import { Reachability } from './reachability.ts'

test('an outage begins with the first silence, tells the last reason and ends with any answer', () => {
  const clock = new ManualClock(1_000)
  const reachability = new Reachability(clock)
  assert.equal(reachability.outage, null)
  reachability.noteSilence(new Error('refused'))
  clock.advance(500)
  reachability.noteSilence(new Error('timed out'))
  assert.deepEqual(reachability.outage, { sinceMs: 1_000, reason: 'timed out' })
  reachability.noteAnswer()
  assert.equal(reachability.outage, null)
})

test('brokers of which none answers are silent together', async () => {
  const clock = systemClock
  const reachability = new Reachability(clock)
  const opening = openCluster({
    ...{ bootstrapServers: ['127.0.0.1:1', '127.0.0.1:2'], clientId: 'test', clock, reachability },
    limits: { giveUpAfterMs: 10 },
  })
  await assert.rejects(opening, { code: 'KAFKA_UNREACHABLE' })
  assert.match(reachability.outage?.reason ?? '', /127\.0\.0\.1:2/)
})
