import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock } from '../core/clock.ts'
import { offset, partition } from '../core/record.ts'
import { foreignOffsets, tellConditions } from '../app/conditions.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { committedStreamTime, offsetMetadata } from './offset-metadata.ts'
import type { ForeignOffset } from './offset-metadata.ts'
import counting, { counts, words } from './test-support/counting.ts'
import { readLatest, send, testRuntime } from './test-support/harness.ts'

const at = { topic: words.name, partition: partition(0) }
const anything = ['reset by hand', '{"streamTimeMs":"soon"}', '{"at":5}', '[]', 'null', '7', '{']

test('stream time is the latest that is told; metadata of others says nothing', () => {
  const told: { foreignOffsets: readonly ForeignOffset[] } = { foreignOffsets: [] }
  const timeOf = (...metadata: (string | undefined)[]) =>
    committedStreamTime(
      metadata.map((text) => ({
        ...at,
        offset: offset(1),
        ...(text === undefined ? {} : { metadata: text }),
      })),
      told,
    )
  assert.equal(timeOf(offsetMetadata(7), offsetMetadata(9), offsetMetadata(-Infinity)), 9)
  assert.equal(timeOf(undefined, '', offsetMetadata(-Infinity)), -Infinity)
  assert.deepEqual(told, { foreignOffsets: [] }, 'what Kafka’s own tools set has none')
  for (const metadata of anything) {
    assert.equal(timeOf(metadata), -Infinity, metadata)
    assert.equal(timeOf(metadata, offsetMetadata(5)), 5, metadata)
    assert.deepEqual(told, { foreignOffsets: [{ ...at, metadata }] })
  }
})

test('of what others have written so much is told as a line bears', () => {
  const told: { foreignOffsets: readonly ForeignOffset[] } = { foreignOffsets: [] }
  committedStreamTime([{ ...at, offset: offset(1), metadata: 'x'.repeat(4_000) }], told)
  assert.equal(told.foreignOffsets[0]?.metadata.length, 60)
})

for (const metadata of ['', ...anything]) {
  test(`a task goes on from offsets that another program has set with ${metadata || 'nothing'}`, async (t) => {
    const storage = await openMemoryStorage({ clock: systemClock })
    t.after(() => storage.close())
    const start = async () => {
      const runtime = testRuntime([counting], storage, { limits: { defaultPartitionCount: 1 } })
      t.after(() => runtime.stop())
      await runtime.start()
      await runtime.whenIdle()
      return runtime
    }
    const maker = await start()
    await maker.stop()
    await send(
      storage.log,
      words,
      ['a', 'b', 'b'].map((word, index) => ({ id: `${index}`, word, atMs: index })),
    )
    const nobody = { groupId: counting.name, generationId: -1, memberId: '' }
    await storage.log.commitOffsets(nobody, [{ ...at, offset: offset(1), metadata }])
    const first = await start()
    assert.deepEqual(await readLatest(storage.log, counts.name), new Map([['b', 2]]))

    const clock = new ManualClock()
    const lines: string[] = []
    let status = first.status()
    const stop = tellConditions([foreignOffsets(() => status)], clock, (line) => lines.push(line))
    clock.advance(5_000)
    await first.stop()
    const again = await start()
    status = again.status()
    clock.advance(5_000)
    await stop()
    const [line = '', over, ...more] = lines
    if (metadata === '') assert.deepEqual(lines, [])
    else {
      assert.ok(line.includes(`group ${counting.name}, as that of ${words.name}-0`), line)
      assert.ok(line.includes(JSON.stringify(metadata)), line)
      assert.match(over ?? '', /they have committed/)
    }
    assert.deepEqual(more, [])
  })
}
