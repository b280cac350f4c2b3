import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partition } from '../../core/record.ts'
import type { TopologyHosts } from '../../runtime/queries/hosts.ts'
import { Speaker } from './speaker.ts'

function hosts(active: string | null, of: Partial<TopologyHosts> = {}): TopologyHosts {
  const task = { subTopology: 0, partition: partition(0), active, standbys: [] }
  const calm = { isMember: true, isRebalancing: false, isSelfShared: false }
  return { self: 'me', ...calm, tasks: [task], ...of }
}

test('of several instances the one with the first task speaks', () => {
  const speaker = new Speaker()
  assert.equal(speaker.speaks(hosts('me')), true)
  assert.equal(speaker.speaks(hosts('another')), false)
  assert.equal(speaker.speaks(hosts('me')), true)
})

test('while nobody knows who has it, whoever spoke last goes on, and at first everybody does', () => {
  const newcomer = new Speaker()
  assert.equal(newcomer.speaks(hosts(null)), true)
  assert.equal(newcomer.speaks(null), true)
  const listener = new Speaker()
  listener.speaks(hosts('another'))
  assert.equal(listener.speaks(hosts('me', { isRebalancing: true })), false)
  assert.equal(listener.speaks(hosts('me', { isMember: false })), false)
  assert.equal(listener.speaks(hosts(null)), false)
})
