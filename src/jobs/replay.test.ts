import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { refuseForgotten } from './replay.ts'

const topology = 'adaptive-learning'
const resetAtMs = Date.UTC(2026, 1, 28, 12)
const times = fc.integer({ min: -1_000, max: 1_000 }).map((ms) => resetAtMs + ms)

test('what is asked of a time before a replay had ended is refused, and nothing else', () => {
  fc.assert(
    fc.property(times, fc.option(fc.nat({ max: 500 })), (asOfMs, lasted) => {
      const endedAtMs = lasted === null ? null : resetAtMs + lasted
      const ask = () => {
        refuseForgotten({ topology, resetAtMs, endedAtMs }, asOfMs)
      }
      if (endedAtMs !== null && asOfMs >= endedAtMs) ask()
      else assert.throws(ask, { code: 'REQUEST_INVALID' })
    }),
  )
})

test('a refusal says when the reset was and how to go on', () => {
  const ask = (endedAtMs: number | null) => () => {
    refuseForgotten({ topology, resetAtMs, endedAtMs }, resetAtMs - 1)
  }
  assert.throws(ask(resetAtMs + 5_000), {
    message:
      'adaptive-learning was reset at 2026-02-28T12:00:00.000Z and had read its events again by 2026-02-28T12:00:05.000Z: ' +
      'of what was known at 2026-02-28T11:59:59.999Z only a fragment is left; give a time from 2026-02-28T12:00:05.000Z on',
  })
  assert.throws(ask(null), {
    message: /has not read all of its events again.* run an instance with --topologies adaptive/,
  })
})
