import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinWindows } from '../processors/windows.ts'
import { defineTopology } from './define.ts'
import { jsonSerde, testTopic, withHarness } from './graph-harness.test-support.ts'
import type { GraphHarness } from './graph-harness.test-support.ts'

const clicks = testTopic<string>('clicks')
const users = testTopic<string>('users')
const out = testTopic<string>('out')
const text = jsonSerde<string>()

const offTheRecord = [
  { is: 'before', window: { beforeMs: 100, afterMs: -50 }, first: users, second: clicks },
  { is: 'after', window: { beforeMs: -50, afterMs: 100 }, first: clicks, second: users },
]

for (const { is, window, first, second } of offTheRecord) {
  test(`streams whose windows lie ${is} their records join them, and none counts as late in order`, async () => {
    const graph = defineTopology('t', (builder) => {
      const kept = { store: 'joined', valueSerde: text, otherValueSerde: text }
      const windows = joinWindows({ ...window, graceMs: 0 })
      const named = builder.stream('users', users)
      builder
        .stream('clicks', clicks)
        .join('with-user', named, (click, user) => `${click}:${user}`, windows, kept)
        .to('out', out)
    })
    const joined = { [clicks.name]: 'click', [users.name]: 'user' }
    const send = async (
      harness: GraphHarness,
      topic: typeof users,
      key: string,
      timestampMs: number,
    ) => {
      harness.send(topic, { key, value: joined[topic.name] ?? null, timestampMs })
      await harness.run()
    }
    await withHarness(graph, {}, async (harness) => {
      await send(harness, first, 'near', 0)
      await send(harness, first, 'far', 0)
      await send(harness, first, 'too-far', 0)
      await send(harness, first, 'too-near', 60)
      await send(harness, second, 'near', 60)
      await send(harness, second, 'far', 100)
      await send(harness, second, 'too-near', 100)
      await send(harness, second, 'too-far', 101)
      assert.deepEqual(harness.table(out), { near: 'click:user', far: 'click:user' })
      assert.deepEqual(Object.fromEntries(harness.dropped), {})
      await send(harness, second, 'late', 100)
      assert.deepEqual(Object.fromEntries(harness.dropped), { late: 1 })
    })
  })
}
