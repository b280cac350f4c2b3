import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anomalyNames } from './eos/anomalies.ts'
import { tellStory } from './instances-story.ts'
import type { Happening } from './instances-stage.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'

/** Long, so that a busy machine takes no live member for dead; `npm run bench -- instances` measures with a short one. */
const group = { sessionTimeoutMs: 8_000, heartbeatIntervalMs: 200 }
/** Longer than the test: who takes over from one that was killed cannot wait for it. */
const transactionTimeoutMs = 600_000

test('instances come, go, die and are rolled: what stays never stops, what moves is not restored, nothing is lost or twice', async (t) => {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return
  const { happenings, anomalies, deposits } = await tellStory({
    bootstrapServers: kafka.servers,
    group,
    transactionTimeoutMs,
    acceptableRecoveryLag: 500,
    tell: (happening) => {
      t.diagnostic(told(happening))
    },
  })
  t.diagnostic(`${deposits} deposits`)
  for (const { name, moved, stoppedThoughStayed, restored } of happenings) {
    assert.equal(moved.length > 0, name !== 'quiet', name)
    assert.deepEqual(stoppedThoughStayed, [], name)
    const stores = new Set(restored.map(({ taskId }) => taskId))
    assert.deepEqual([...stores].sort(), moved, name)
    for (const { taskId, fromScratch } of restored) {
      assert.equal(fromScratch, null, `${name}: ${taskId} was restored from nothing`)
    }
  }
  assert.deepEqual(anomalies.examples, [])
  for (const name of anomalyNames) assert.equal(anomalies.counts[name], 0, name)
})

function told({ name, pauses, moved, restored, settledMs }: Happening): string {
  const longest = (ids: readonly string[]) =>
    Math.max(0, ...ids.map((id) => pauses.get(id)?.silentMs ?? 0))
  const stayed = [...pauses.keys()].filter((id) => !moved.includes(id))
  const offsets = restored.reduce((sum, { offsetsTotal }) => sum + offsetsTotal, 0)
  return [
    `${name}: silent for ${longest(moved)} ms at most where ${moved.length} tasks moved`,
    `${longest(stayed)} ms where they stayed`,
    `${offsets} offsets restored`,
    `settled after ${Math.round(settledMs)} ms`,
  ].join(', ')
}
