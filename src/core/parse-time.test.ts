import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTime } from './parse-time.ts'

test('times are ISO 8601, in UTC where no zone is named, or as older schedulers write them', () => {
  const hour = Date.UTC(2024, 5, 1, 10)
  for (const text of [
    '2024:06:01 10',
    '2024-06-01T10',
    '2024-06-01 10:00',
    '2024-06-01T10:00:00Z',
    '2024-06-01T10:00:00.000Z',
    '2024-06-01T12:00+02:00',
    '2024/06/01 10:00:00',
  ]) {
    assert.equal(parseTime(text), hour, text)
  }
  assert.equal(parseTime('2024-06-01'), Date.UTC(2024, 5, 1))
  for (const text of [
    '',
    'yesterday',
    '2024-13-01',
    '2024-02-30',
    '10',
    '2024-06-01T25:00',
    '1e3',
  ]) {
    assert.equal(parseTime(text), null, text)
  }
})
