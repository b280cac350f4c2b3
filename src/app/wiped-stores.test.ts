import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicName } from '../core/record.ts'
import type { WipedStore } from '../runtime/runtime-status.ts'
import { wipedStoresTold } from './wiped-stores.ts'

test('a store that is wiped is told with the reason, once for all its partitions', () => {
  const lines: string[] = []
  const told = wipedStoresTold((line) => lines.push(line))
  const wiped: WipedStore = {
    ...{ taskId: 'mcq-0_0', store: 'mcq.kept', topic: topicName('mcq-kept-changelog') },
    reason: 'checkpoint of a topic that was deleted and made anew',
  }
  told(wiped)
  told({ ...wiped, taskId: 'mcq-0_1' })
  assert.deepEqual(lines, [
    'store mcq.kept is wiped here and restored from the start of mcq-kept-changelog: ' +
      'checkpoint of a topic that was deleted and made anew',
  ])
  told({ ...wiped, reason: 'checkpoint beyond the end of the changelog' })
  assert.equal(lines.length, 2, 'another reason is told again')
})
