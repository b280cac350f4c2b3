import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consumerOf, memorySink, openLog, records } from './fact-consumer.test-support.ts'

test('facts count as lag from when they are in the log, before any fetch has brought them', async () => {
  const log = await openLog(1)
  const consumer = consumerOf(log, memorySink(), { lagMax: 1 })
  await consumer.start()
  const fetching = log.fetch.bind(log)
  const held = Promise.withResolvers<null>()
  log.fetch = async (request) => {
    await held.promise
    return fetching(request)
  }
  await log.append([
    records(0, [
      ['ann', 1],
      ['bob', 2],
    ]),
  ])
  const { lag, lagTotal } = consumer.status()
  assert.deepEqual([lag, lagTotal], [{ 'exams.averages': 2 }, 2])
  assert.ok((consumer.backPressure()?.retryAfterMs ?? 0) > 0)
  held.resolve(null)
  await consumer.drain()
  assert.equal(consumer.status().lagTotal, 0)
  await consumer.stop()
  await log.close()
})
