import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import { readBackfillRequest } from './backfill-request.ts'

test('a request that is not understood is refused with what is wrong', () => {
  const refusal = (json: unknown) => {
    try {
      readBackfillRequest(json)
    } catch (thrown) {
      assert.ok(thrown instanceof TidemarkError && thrown.code === 'REQUEST_INVALID')
      return thrown.message
    }
    return 'taken'
  }
  assert.equal(refusal({ topology: 'mcq' }), 'taken')
  assert.match(refusal({}), /^topology/)
  assert.match(
    refusal({ topology: 'mcq', begin: '2024' }),
    /^begin is not known; known are topology, /,
  )
  assert.match(refusal({ topology: 'mcq', start: 'soon' }), /^start "soon": write it as/)
  assert.match(refusal({ topology: 'mcq', start: '2024-01-02', end: '2024-01-02' }), /before end/)
  assert.match(refusal({ topology: 'mcq', tables: 'students' }), /^tables/)
  assert.match(refusal({ topology: 'mcq', dry_run: 'yes' }), /^dry_run/)
})
