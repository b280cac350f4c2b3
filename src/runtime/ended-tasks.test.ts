import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { EndedTasks, sumOfCounts } from './ended-tasks.ts'
import { RateMeter } from './rate-meter.ts'
import type { TaskCounts } from './runtime-status.ts'
import counting, { words } from './test-support/counting.ts'
import { send, until } from './test-support/harness.ts'
import { TestCluster } from './test-support/test-cluster.ts'

const nothing: TaskCounts = {
  processed: 0,
  produced: 0,
  dropped: 0,
  late: 0,
  quarantined: 0,
  warnings: 0,
  drops: [],
  skips: [],
  skipped: 0,
}
const sent = Array.from({ length: 200 }, (_, index) => ({
  id: `${index}`,
  word: `w${index % 37}`,
  atMs: index,
}))

for (const count of [0, 1]) {
  test(`counts of tasks that ended stay in the totals, with ${count} workers`, async () => {
    const cluster = await TestCluster.open([counting], { probingRebalanceIntervalMs: 50 })
    const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
    const support = (name: string) => new URL(`test-support/${name}`, import.meta.url).href
    const topologyModules = [support('counting.ts')]
    const codecsModule = support('json-codecs-module.test-child.ts')
    try {
      const one = await cluster.start('one', {
        workers: { count, registry, topologyModules, codecsModule },
      })
      await send(cluster.log, words, sent)
      await one.whenIdle()
      const before = one.status().totals
      assert.equal(before.processed, sent.length)
      await cluster.start('two')
      await until('two has taken tasks over', () => {
        const { totals, byTopology } = one.status()
        assert.ok(totals.processed >= sent.length, `${totals.processed} processed`)
        assert.ok(totals.produced >= before.produced)
        assert.ok((byTopology.get('counting')?.recordsPerSecond ?? -1) >= 0)
        return one.status().tasks.length < 4
      })
      await cluster.stop('two')
      await until('one has them all again', () => one.status().tasks.length === 4)
      assert.equal(one.status().totals.processed, sent.length)
      await one.stop()
      assert.equal(one.status().totals.processed, sent.length)
    } finally {
      await cluster.close()
    }
  })
}

test('drops are summed by node and reason, skips by partition', () => {
  const ended = new EndedTasks()
  const at = { topic: topicName('words'), partition: partition(0) }
  const skip = (offsets: number, atMs: number) => ({
    ...at,
    offsets,
    from: offset(0),
    to: offset(offsets),
    atMs,
  })
  const failed = (count: number, last: string) => ({
    node: 'copy',
    reason: 'failed' as const,
    count,
    last,
  })
  const late = { node: 'copy', reason: 'late' as const, count: 7 }
  ended.add('a', { ...nothing, late: 7, drops: [failed(2, 'no note'), late], skips: [skip(3, 9)] })
  ended.add('a', { ...nothing, skipped: 1, drops: [failed(1, 'odd')], skips: [skip(1, 4)] })
  assert.deepEqual(ended.of('b'), [])
  assert.deepEqual(sumOfCounts(ended.of('a')), {
    ...nothing,
    late: 7,
    skipped: 1,
    drops: [failed(3, 'odd'), late],
    skips: [{ ...skip(3, 9), offsets: 4 }],
  })
})

test('a rate is of the last seconds', () => {
  const clock = new ManualClock()
  const rate = new RateMeter(clock)
  clock.advance(1000)
  assert.equal(rate.perSecond(50), 50)
  clock.advance(10_000)
  assert.equal(rate.perSecond(50), 0)
})
