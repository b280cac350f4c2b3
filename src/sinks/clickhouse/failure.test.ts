import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTableLost } from '../lost-table.ts'
import { clickHouseFailure, sinkError, statementError } from './failure.ts'
import { passingCodes } from './passing-codes.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'

const table = { database: 'exams', table: 'averages_versions' }
const engineText = (code: number, text: string, type: string) =>
  new Error(`Code: ${code}. DB::Exception: ${text}. (${type}) (version 26.7.2.1)`)
const lostDatabase = engineText(81, 'Database exams does not exist', 'UNKNOWN_DATABASE')

test('what the engine says is said once, whoever hands it on', () => {
  const first = sinkError(lostDatabase, table)
  const { code, type, message } = clickHouseFailure(first)
  assert.deepEqual([code, type, message], [81, 'UNKNOWN_DATABASE', 'Database exams does not exist'])
  // As a server in between sends it, which has made an error of it itself.
  const second = sinkError(engineText(code, message, type), table)
  assert.equal(second.message, first.message)
  assert.equal(second.message.split('does not exist').length, 2)
})

test('a table or database that is not there is told from what a person has to mend', () => {
  const lostTable = engineText(60, 'Table exams.averages_versions does not exist', 'UNKNOWN_TABLE')
  const dropped = engineText(218, 'Table is dropped', 'TABLE_IS_DROPPED')
  for (const thrown of [lostDatabase, lostTable, dropped]) {
    assert.equal(isTableLost(sinkError(thrown, table)), true)
    assert.equal(isTableLost(statementError(thrown, 'a question')), true)
  }
  for (const thrown of [
    engineText(516, 'default: Authentication failed', 'AUTHENTICATION_FAILED'),
    engineText(53, 'Type mismatch', 'TYPE_MISMATCH'),
    engineText(242, 'Table is in readonly mode', 'TABLE_IS_READ_ONLY'),
  ]) {
    assert.equal(isTableLost(sinkError(thrown, table)), false)
  }
})

const codeOf = (thrown: unknown) => [
  sinkError(thrown, table).code,
  statementError(thrown, 'a question').code,
]
const waits = ['SINK_UNAVAILABLE', 'SINK_UNAVAILABLE']
const ends = ['SINK_REFUSED', 'SINK_REFUSED']

test('what passes by itself is waited for, and what a person has to mend is not', () => {
  for (const [code, type] of passingCodes) {
    assert.deepEqual(codeOf(engineText(code, 'of a moment', type)), waits, type)
  }
  for (const code of [202, 241, 252, 416, 500, 574, 667, 745, 749, 762, 778, 999]) {
    assert.ok(passingCodes.has(code), String(code))
  }
  for (const [code, type] of [
    [53, 'TYPE_MISMATCH'],
    [60, 'UNKNOWN_TABLE'],
    [415, 'ALL_REPLICAS_LOST'],
    [516, 'AUTHENTICATION_FAILED'],
    [774, 'TABLE_IS_PERMANENTLY_READ_ONLY'],
  ] as const) {
    assert.deepEqual(codeOf(engineText(code, 'a timeout of the upstream', type)), ends, type)
  }
})

test('a gateway is told by its status, whatever its words are; and by its words where there is none', () => {
  for (let status = 400; status < 600; status += 1) {
    // No waiting mends a wrong address: 501, 505, 511.
    const isFinal = [501, 505, 511].includes(status)
    const isPassing = [408, 425, 429].includes(status) || (status >= 500 && !isFinal)
    for (const text of [
      '',
      ' Words',
      ': upstream closed',
      ' Words: Code not known',
      ', again in 3 s:',
    ])
      assert.deepEqual(codeOf(new Error(`HTTP ${status}${text}`)), isPassing ? waits : ends)
  }
  assert.deepEqual(codeOf(new Error('<h1>504 Gateway Time-out</h1>')), waits)
  assert.deepEqual(codeOf(new Error('Timeout error.')), waits)
  assert.deepEqual(codeOf(new Error('no such thing')), ends)
})

test('a number of ClickHouse’s in the text of a gateway counts for more than the status', () => {
  const text = 'Code: 516. DB::Exception: the password is wrong. (AUTHENTICATION_FAILED)'
  assert.deepEqual(codeOf(new Error(`HTTP 503 Service Unavailable: ${text}`)), ends)
})

test('the codes that pass have the names that ClickHouse gives them', async () => {
  const temporary = await temporaryClickHouse()
  try {
    const codes = [...passingCodes.keys()].join()
    const result = await temporary.clickhouse.reader.query({
      query: `SELECT arrayJoin([${codes}])::UInt32 AS code, errorCodeToName(code) AS name`,
      format: 'JSONEachRow',
    })
    for (const { code, name } of await result.json<{ code: number; name: string }>()) {
      // Its versions give up names and make new ones.
      if (name !== '') assert.equal(passingCodes.get(code), name)
    }
  } finally {
    await temporary.remove()
  }
})
