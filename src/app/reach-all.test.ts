import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { reachAll, type Reachable } from './reach-all.ts'

/** Answers at the n-th attempt. */
function server(name: string, attempts: number, thrown: Error): Reachable & { asked: number } {
  const it = {
    name,
    asked: 0,
    reach: () => {
      it.asked += 1
      return it.asked >= attempts ? Promise.resolve() : Promise.reject(thrown)
    },
  }
  return it
}

const away = (code: 'KAFKA_UNREACHABLE' | 'SINK_UNAVAILABLE') =>
  new TidemarkError(code, 'no answer')

async function run(servers: readonly Reachable[], retryMaxMs = 10_000) {
  const clock = new ManualClock()
  const lines: string[] = []
  const outcome = { settled: false, thrown: null as unknown }
  const running = reachAll(servers, { clock, retryMaxMs, onProgress: (line) => lines.push(line) })
    .catch((thrown: unknown) => {
      outcome.thrown = thrown
    })
    .finally(() => {
      outcome.settled = true
    })
  while (!outcome.settled) {
    clock.advance(250)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await running
  return { lines, thrown: outcome.thrown, tookMs: clock.nowMs() }
}

test('a server that comes late is waited for, and its wait is told once in a while', async () => {
  const kafka = server('Kafka at one:9092', 4, away('KAFKA_UNREACHABLE'))
  const { lines, thrown } = await run([kafka, server('ClickHouse', 1, away('SINK_UNAVAILABLE'))])
  assert.equal(thrown, null)
  assert.equal(kafka.asked, 4)
  assert.match(lines[0] ?? '', /waiting for Kafka at one:9092, for another 10 s at most: no answer/)
  assert.deepEqual(lines.slice(1), ['Kafka at one:9092: answers'])
})

test('all that do not answer are named at once, after a bounded time', async () => {
  const { thrown, tookMs } = await run([
    server('Kafka', Infinity, away('KAFKA_UNREACHABLE')),
    server('the registry', 1, away('KAFKA_UNREACHABLE')),
    server('ClickHouse', Infinity, away('SINK_UNAVAILABLE')),
  ])
  assert.ok(thrown instanceof TidemarkError)
  assert.equal(thrown.code, 'KAFKA_UNREACHABLE')
  assert.match(thrown.message, /Kafka: no answer\n {2}ClickHouse: no answer/)
  assert.doesNotMatch(thrown.message, /registry/)
  assert.ok(tookMs >= 10_000 && tookMs < 13_000, `${tookMs}`)
})

test('what no waiting mends ends the wait for the others, and leads', async () => {
  const refusal = new TidemarkError('KAFKA_REFUSED', 'wrong password')
  const { thrown, tookMs } = await run([
    server('ClickHouse', Infinity, away('SINK_UNAVAILABLE')),
    server('Kafka', Infinity, refusal),
  ])
  assert.ok(thrown instanceof TidemarkError)
  assert.equal(thrown.code, 'KAFKA_REFUSED')
  assert.match(thrown.message, /ClickHouse: no answer\n {2}Kafka: wrong password/)
  assert.ok(tookMs < 1000)
})

test('told to stop, it waits no longer', async () => {
  const stop = new AbortController()
  const running = reachAll([server('Kafka', Infinity, away('KAFKA_UNREACHABLE'))], {
    clock: new ManualClock(),
    retryMaxMs: 10_000,
    onProgress: () => {
      stop.abort()
    },
    signal: stop.signal,
  })
  await assert.rejects(running, /cannot start without:\n {2}Kafka: no answer/)
})
