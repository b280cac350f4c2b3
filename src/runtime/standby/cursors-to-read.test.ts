import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { offset, partition, storeName, topicName } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { StoreChangelog } from '../kept-task.ts'
import { orders } from '../test-support/joining.ts'
import { ChangelogCursor } from './changelog-cursor.ts'
import { cursorsToRead } from './cursors-to-read.ts'
import { TaskState } from './task-state.ts'

const clock = new ManualClock()

/** A standby that has read so far of what it may read. */
function standby(topologyName: string, reached: number, end: number, isSource = true) {
  const store = storeName(`${topologyName}.s`)
  const definition = {} as NonNullable<StoreChangelog['source']>['definition']
  const changelog: StoreChangelog = isSource
    ? {
        store,
        topic: orders.name,
        source: { groupId: topologyName, topic: orders as TopicDefinition, definition },
        facts: null,
      }
    : { store, topic: topicName(`${topologyName}-s-changelog`), source: null, facts: null }
  const task = {
    plan: { id: `${topologyName}-0_0`, topologyName, subTopology: 0, partition: partition(0) },
    changelogs: [changelog],
    checkpoint: { store: storeName(`${topologyName}.__p`), partition: partition(0) },
  }
  const state = new TaskState(task, 0)
  state.moveTo('standby', 0)
  const start = { task, changelog, offset: offset(reached), endOffset: offset(end) }
  state.cursors = [new ChangelogCursor({ ...start, fromScratch: null }, clock)]
  return state
}

const read = (...states: readonly TaskState[]) =>
  cursorsToRead(states, 256, 0).map(({ task }) => task.plan.topologyName)

test('of topologies that follow one source the one that is behind reads it first', () => {
  assert.deepEqual(read(standby('a', 5, 9), standby('b', 3, 9)), ['b'])
  assert.deepEqual(read(standby('a', 3, 9), standby('b', 5, 9)), ['a'])
  assert.deepEqual(read(standby('a', 9, 9), standby('b', 9, 12)), ['b'])
})

test('a source is read no further than its group is, a changelog also at its end', () => {
  assert.deepEqual(read(standby('a', 9, 9)), [])
  assert.deepEqual(read(standby('a', 9, 9, false)), ['a'])
})
