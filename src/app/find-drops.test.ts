import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { findDrops } from './find-drops.ts'

const memoryIsFull = new Error(
  'Code: 241. DB::Exception: (total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)',
)
const wrongPassword = new Error(
  'Code: 516. DB::Exception: Authentication failed (AUTHENTICATION_FAILED)',
)
const noSuchTable = new Error('Code: 60. DB::Exception: Unknown table (UNKNOWN_TABLE)')

/** A reader that fails as often as there are failures, and then answers. */
function readerAfter(failures: Error[]) {
  const asked: unknown[] = []
  const query = async ({ query_params }: { query_params: unknown }) => {
    asked.push(query_params)
    const failure = failures.shift()
    if (failure !== undefined) throw failure
    return { json: async () => [{ file_hash: 'a', file_name: 'one.csv', modified_at: '5' }] }
  }
  return { reader: { query } as unknown as ClickHouse['reader'], asked }
}

void test('what passes by itself is waited for, and the answer is the same', async () => {
  const { reader, asked } = readerAfter([memoryIsFull, noSuchTable])
  const clock = new ManualClock(0)
  const found = findDrops({ reader, clock })(['a'])
  while (asked.length < 3) {
    clock.advance(10_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual([...(await found)], [['a', [{ fileName: 'one.csv', modifiedAtMs: 5 }]]])
  assert.equal(asked.length, 3)
})

void test('what does not pass, and what lasts beyond a stop, is told', async () => {
  const clock = new ManualClock(0)
  const refused = readerAfter([wrongPassword])
  await assert.rejects(findDrops({ reader: refused.reader, clock })(['a']), isError('SINK_REFUSED'))
  const stopped = readerAfter([memoryIsFull])
  const find = findDrops({ reader: stopped.reader, clock, signal: AbortSignal.abort() })
  await assert.rejects(find(['a']), isError('SINK_UNAVAILABLE'))
})

function isError(code: string) {
  return (thrown: unknown) => thrown instanceof TidemarkError && thrown.code === code
}
