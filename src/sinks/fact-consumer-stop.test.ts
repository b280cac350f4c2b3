/** A stop that meets a rebalance of the group, while the sink hangs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FetchedPartition, FetchRequest } from '../log/log.ts'
import {
  averages,
  consumerOf,
  openLog,
  records,
  unavailable,
  WatchedSink,
} from './fact-consumer.test-support.ts'
import type { TableRows } from './sink.ts'

/** Hangs until it is cut. */
class HangingSink extends WatchedSink {
  override write(_batches: readonly TableRows[], cut?: AbortSignal): Promise<void> {
    this.attempts++
    this.onAttempt()
    return new Promise((_resolve, reject) => {
      cut?.addEventListener('abort', () => reject(unavailable), { once: true })
    })
  }
}

for (const hanging of [0, 1]) {
  test(`what is fetched after a rebalance of a stopping member is left to the next, facts of ${hanging} hanging`, async () => {
    const log = await openLog(2)
    const sink = new HangingSink()
    const tried = Promise.withResolvers<null>()
    sink.onAttempt = () => tried.resolve(null)
    const gate = Promise.withResolvers<null>()
    const held = Promise.withResolvers<null>()
    const fetch = log.fetch.bind(log)
    const first = consumerOf(log, sink, { stopGraceMs: 5 })
    await first.start()
    await log.append([records(hanging, [['ann', 1]])])
    await tried.promise
    log.fetch = async ({
      signal: _,
      ...request
    }: FetchRequest): Promise<readonly FetchedPartition[]> => {
      held.resolve(null)
      await gate.promise
      return await fetch({ ...request, waitMaxMs: 0 })
    }
    await held.promise
    const stopped = first.stop()
    const other = new WatchedSink()
    const second = consumerOf(log, other)
    const joined = second.start()
    await log.append([records(1 - hanging, [['bob', 2]])])
    await joined
    gate.resolve(null)
    await stopped
    log.fetch = fetch
    await second.drain()
    assert.deepEqual(averages(other.inner), { ann: 1, bob: 2 })
    await second.stop()
    await log.close()
  })
}
