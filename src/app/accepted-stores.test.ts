import assert from 'node:assert/strict'
import { test } from 'node:test'
import counting from '../runtime/test-support/counting.ts'
import { refuseUnknownAccepted } from './accepted-stores.ts'
import { manifestOf } from './manifest.ts'

const wanted = manifestOf(counting, { defaultPartitionCount: 4, withChangelogs: true })
const before = { ...wanted, accepted: ['let-go'] }
const topics = ['counting-gone-changelog', 'another-store-changelog', 'words']

test('stores that were or would be there may be named, with their topology or without', () => {
  const words = ['counts', 'counting/counts', 'let-go', 'counting/let-go', 'gone', 'counting/gone']
  refuseUnknownAccepted(words, [wanted, before], topics)
  refuseUnknownAccepted(['sub-topology-2', 'counting/sub-topology-2'], [wanted], [])
  refuseUnknownAccepted([], [], [])
})

test('anything else is refused, all at once, with what there is and what may have been meant', () => {
  const accepted = ['nonsense', 'counting/count', 'counts', 'another/store']
  assert.throws(() => refuseUnknownAccepted(accepted, [wanted, before], topics), {
    code: 'CONFIGURATION_INVALID',
    message:
      'accept: "nonsense", "counting/count" (did you mean counting/counts?), "another/store" is no store that was or ' +
      'would be here; there are counting/counts, counting/gone, counting/let-go',
  })
  assert.throws(() => refuseUnknownAccepted(['another/sub-topology-1'], [wanted], []), /accept:/)
})
