/** Tables that are gone while a consumer runs: told, made anew, and filled from their topics. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import type { StoredLog } from '../log/stored-log.ts'
import { lostTableDetail } from './lost-table.ts'
import {
  averages,
  consumerOf,
  openLog,
  records,
  table,
  unavailable,
  WatchedSink,
} from './fact-consumer.test-support.ts'

const soon = { tableCheckMs: 1 }
/** Only a write finds out. */
const never = { tableCheckMs: 1e9 }

/** A member's own sink over the tables of another, as two instances have one ClickHouse. */
function sinkBeside(sink: WatchedSink): WatchedSink {
  return Object.assign(new WatchedSink(), { inner: sink.inner })
}

/** Lines that are told, and who waits for one. */
class Told {
  readonly lines: string[] = []
  #waiting: (() => void)[] = []

  tell = (line: string) => {
    this.lines.push(line)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async until(pattern: RegExp): Promise<void> {
    while (!this.lines.some((line) => pattern.test(line))) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }
}

async function filled(log: StoredLog): Promise<void> {
  await log.append([records(0, [['ann', 1]]), records(1, [['bob', 2]])])
}

test('a table that is gone while nothing comes in is told, made anew and filled; drain waits for that', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  const gate = Promise.withResolvers<undefined>()
  const makeAnew = async () => {
    await gate.promise
    await sink.setup()
  }
  const consumer = consumerOf(log, sink, { ...soon, makeAnew, tell: told.tell })
  await consumer.start()
  await filled(log)
  await consumer.drain()
  sink.inner.lose(table)
  await told.until(/^facts of test: the sink has no table exams\.averages; .* made anew and filled/)
  const { state, reason } = consumer.status()
  assert.deepEqual([state, /has no table exams\.averages/.test(reason ?? '')], ['paused', true])
  let isDrained = false
  const drained = consumer.drain().then(() => {
    isDrained = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isDrained, false)
  gate.resolve(undefined)
  await drained
  await told.until(/hold what their topics hold again$/)
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  assert.equal(told.lines.length, 2)
  assert.deepEqual([consumer.status().state, consumer.status().tablesMadeAnew], ['running', 1])
  await consumer.stop()
  await log.close()
})

test('a write that finds the table gone does not end the consumer: it is filled from its start', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  const consumer = consumerOf(log, sink, { ...never, tell: told.tell })
  await consumer.start()
  await filled(log)
  await consumer.drain()
  sink.inner.lose(table)
  await log.append([records(0, [['ann', 3]])])
  await told.until(/hold what their topics hold again$/)
  assert.deepEqual(averages(sink.inner), { ann: 3, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('a set-up that cannot be made now is told and tried again; one that is refused ends the consumer', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  const wrongPassword = new TidemarkError('SINK_REFUSED', 'the password is wrong')
  const answers = [unavailable, wrongPassword]
  const failed = Promise.withResolvers<unknown>()
  const makeAnew = () => Promise.reject(answers.shift() ?? new Error('asked too often'))
  const options = { ...soon, makeAnew, tell: told.tell, onFailure: failed.resolve }
  const consumer = consumerOf(log, sink, options)
  await consumer.start()
  sink.inner.lose(table)
  await told.until(/has no table exams\.averages; away$/)
  assert.equal(await failed.promise, wrongPassword)
  assert.deepEqual(
    [consumer.status().state, consumer.status().reason],
    ['failed', 'the password is wrong'],
  )
  await consumer.stop()
  await log.close()
})

test('while nobody answers whether the tables are there, it is not told that they are', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  const { identitiesOf } = sink
  let attempts = 0
  const makeAnew = async () => {
    attempts += 1
    sink.identitiesOf = attempts === 1 ? () => Promise.reject(unavailable) : identitiesOf
    if (attempts === 1) throw unavailable
    await sink.setup()
  }
  const consumer = consumerOf(log, sink, { ...soon, makeAnew, tell: told.tell })
  await consumer.start()
  await filled(log)
  await consumer.drain()
  sink.inner.lose(table)
  await told.until(/hold what their topics hold again$/)
  // Once more when they are there: whoever made them may not have claimed this instance’s epochs.
  assert.equal(attempts, 3)
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('tables that somebody else has made are read for once the set-up has run here, too', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  let [attempts, attemptsBeforeWrite] = [0, 0]
  const makeAnew = () => {
    attempts += 1
    return attempts === 1 ? Promise.reject(unavailable) : sink.setup()
  }
  const consumer = consumerOf(log, sink, { ...soon, makeAnew, tell: told.tell })
  await consumer.start()
  await filled(log)
  await consumer.drain()
  const written = Promise.withResolvers<undefined>()
  sink.onAttempt = () => {
    attemptsBeforeWrite = attempts
    written.resolve(undefined)
  }
  sink.inner.lose(table)
  await sink.inner.setup()
  await written.promise
  await consumer.drain()
  assert.equal(attemptsBeforeWrite, 2)
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('a stop does not wait for a set-up that hangs', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const begun = Promise.withResolvers<undefined>()
  const makeAnew = () => {
    begun.resolve(undefined)
    return new Promise<void>(() => {})
  }
  const consumer = consumerOf(log, sink, { ...soon, makeAnew })
  await consumer.start()
  sink.inner.lose(table)
  await begun.promise
  await consumer.stop()
  assert.equal(consumer.status().state, 'stopped')
  await log.close()
})

test('a write that is refused for want of another table is told once, and goes in once that is there', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const told = new Told()
  const consumer = consumerOf(log, sink, { ...never, tell: told.tell })
  sink.failure = new TidemarkError('SINK_REFUSED', 'exams.elsewhere is gone', {
    details: { [lostTableDetail]: true },
  })
  const tried = Promise.withResolvers<undefined>()
  sink.onAttempt = () => {
    if (sink.attempts < 3) return
    sink.failure = null
    tried.resolve(undefined)
  }
  await consumer.start()
  await filled(log)
  await tried.promise
  await consumer.drain()
  await told.until(/hold what their topics hold again$/)
  assert.equal(told.lines.length, 2)
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('whenever the table is lost under two members, in the end it holds the last of every key', async () => {
  const step = fc.oneof(
    fc.record({ at: fc.nat(1), average: fc.nat(9) }),
    fc.constant('lose' as const),
    fc.constant('drain' as const),
  )
  const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
    const log = await openLog()
    const sink = new WatchedSink()
    const members = [consumerOf(log, sink, soon), consumerOf(log, sinkBeside(sink), soon)]
    for (const member of members) await member.start()
    const expected: Record<string, unknown> = {}
    for (const each of steps) {
      if (each === 'lose') sink.inner.lose(table)
      else if (each === 'drain') await members[0]?.drain()
      else {
        const student = `s${each.at}`
        expected[student] = each.average
        await log.append([records(each.at, [[student, each.average]])])
      }
    }
    for (const member of members) await member.drain()
    assert.deepEqual(averages(sink.inner), expected)
    for (const member of members) {
      assert.notEqual(member.status().state, 'failed', String(member.status().reason))
      await member.stop()
    }
    await log.close()
  })
  await fc.assert(property, { numRuns: 25 })
})
