import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { ManualClock } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import { ProtocolError } from '../protocol-error.ts'
import { backOffMs, withBackOff } from './back-off.ts'
import { bootstrapAddresses } from './bootstrap-addresses.ts'
import { isMisdirected, isRetriable } from './failures.ts'

const loading = new ProtocolError(14, 'FindCoordinator')
const unreachable = new TidemarkError('KAFKA_UNREACHABLE', 'gone')

describe('back-off', () => {
  test('grows up to a second, and jitters over all of it', () => {
    const most = Array.from({ length: 12 }, (_, attempt) => backOffMs(attempt, () => 1))
    assert.deepEqual(most, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000])
    assert.equal(
      backOffMs(5, () => 0),
      0,
    )
  })

  test('goes on while the failure is one that passes', async () => {
    const clock = new ManualClock()
    let attempts = 0
    const answered = withBackOff(
      async () => {
        if (attempts++ < 5) throw attempts % 2 === 0 ? loading : unreachable
        return 'answer'
      },
      { clock, random: () => 1, giveUpAfterMs: 10_000 },
    )
    while (attempts < 6) {
      await new Promise(setImmediate)
      clock.advance(1_000)
    }
    assert.equal(await answered, 'answer')
  })

  test('ends at once with a failure that does not pass, and in time with one that should have', async () => {
    const clock = new ManualClock()
    const options = { clock, random: () => 1, giveUpAfterMs: 31 }
    const refused = new TidemarkError('KAFKA_REFUSED', 'no')
    await assert.rejects(
      withBackOff(() => Promise.reject(refused), options),
      refused,
    )
    let attempts = 0
    const failing = withBackOff(() => {
      attempts++
      return Promise.reject(loading)
    }, options)
    const ended = assert.rejects(failing, { code: 'KAFKA_UNREACHABLE', cause: loading })
    while (attempts < 3) {
      await new Promise(setImmediate)
      clock.advance(10)
    }
    await ended
    assert.equal(attempts, 3)
  })
})

describe('failures', () => {
  test('say whether to go on and whether to go elsewhere', () => {
    const fenced = new ProtocolError(90, 'EndTxn')
    const moved = new ProtocolError(6, 'Produce')
    assert.deepEqual([loading, moved, fenced, unreachable].map(isRetriable), [
      true,
      true,
      false,
      true,
    ])
    assert.deepEqual([loading, moved, fenced, unreachable].map(isMisdirected), [
      false,
      true,
      false,
      true,
    ])
  })
})

describe('bootstrap servers', () => {
  test('are host and port, of IPv6 in brackets; anything else is refused by name', () => {
    assert.deepEqual(bootstrapAddresses(['kafka:9092', '[::1]:19092']), [
      { host: 'kafka', port: 9092 },
      { host: '::1', port: 19092 },
    ])
    for (const wrong of ['kafka', 'kafka:', ':9092', 'kafka:99999', 'http://kafka:9092']) {
      assert.throws(() => bootstrapAddresses([wrong]), { code: 'CONFIGURATION_INVALID' })
    }
    assert.throws(() => bootstrapAddresses([]), { code: 'CONFIGURATION_INVALID' })
  })
})
