import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { partitionForKey } from '../../../src/core/partitioner.ts'
import { contradictions, noFacts, noteFact } from './clickhouse-watch.ts'
import type { AccountVersion } from './clickhouse-rows.ts'
import type { Account } from './ledger-records.ts'
import { accounts, partitionCount } from './ledger-topology.ts'

const account = 'account-1'
const where = partitionForKey(accounts.topic.keySerde.serialize([account]), partitionCount)
const version = (offset: number, count: number): AccountVersion => ({
  account,
  count,
  total: 10 * count,
  offset,
})

/** Facts at 4 and 8, what is between them aborted, and a transaction open from 10 on. */
function found(versions: readonly AccountVersion[], noted = 9): string[] {
  const committed = Array.from({ length: partitionCount }, noFacts)
  for (const { offset, ...fact } of [version(4, 1), version(8, 2)]) {
    const inTime: Account = { ...fact, event_time: 1, known_at: 2 }
    noteFact(committed[where] ?? assert.fail(), offset, inTime)
  }
  const ends = committed.map(() => ({ noted, lastStable: 10, highWatermark: 14 }))
  return contradictions(versions, committed, ends).map(({ text, isOpen }) =>
    isOpen ? `open: ${text}` : text,
  )
}

describe('what ClickHouse gives to readers while work goes on', () => {
  test('may be any of the committed versions, and lack what the sink has not noted', () => {
    assert.deepEqual(found([version(4, 1), version(8, 2)]), [])
    assert.deepEqual(found([version(8, 2)]), [])
    assert.deepEqual(found([version(4, 1)], 5), [])
    assert.deepEqual(found([], 0), [])
  })

  test('is not what was aborted', () => {
    assert.match(found([version(8, 2), version(6, 2)]).join(), /@6: no such fact/)
  })

  test('is not what may yet be aborted', () => {
    assert.match(found([version(8, 2), version(12, 3)]).join(), /^open: .*@12: its transaction is/)
  })

  test('says what the fact says', () => {
    assert.match(
      found([version(8, 3)]).join(),
      /count 3, total 30 .*the fact is .*count 2, total 20/,
    )
  })

  test('has what the sink has noted', () => {
    assert.match(found([version(4, 1)]).join(), /has noted \d@8, and readers are given 4/)
    assert.match(found([]).join(), /readers are given -1/)
  })

  test('may come from a leader that knew more than the one of now', () => {
    assert.deepEqual(found([version(8, 2), version(20, 3)]), [])
  })
})
