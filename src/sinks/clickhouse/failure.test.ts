import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTableLost } from '../lost-table.ts'
import { clickHouseFailure, sinkError, statementError } from './failure.ts'

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
