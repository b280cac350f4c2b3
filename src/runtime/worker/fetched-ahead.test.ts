/** What is fetched and not yet wanted: the same records, a few at a time; and a backlog that is larger than the heap. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { offset, partition, topicName } from '../../core/record.ts'
import { batchCodec } from '../../log/batch-codec.ts'
import type { FetchedBatches, PlacedBatch } from '../../log/encoded-log.ts'
import type { FetchedPartition } from '../../log/log.ts'
import { FetchedAhead } from './fetched-ahead.ts'

const codec = batchCodec({ name: 'tidemark', compression: 'none' })
const at = { topic: topicName('t'), partition: partition(0) }

/** Batches of so many records, each behind a gap of so many offsets; what is at the end was left out. */
function fetchedOf(
  sizes: readonly (readonly [gap: number, records: number])[],
  left: number,
): FetchedBatches {
  let next = 0
  const batches: PlacedBatch[] = []
  for (const [gap, count] of sizes) {
    const base = next + gap
    const value = Buffer.from([batches.length])
    const records = Array.from({ length: count }, () => ({ key: null, value, timestampMs: base }))
    const [encoded] = codec.encode(records, 1024 * 1024)
    next = base + count
    if (encoded === undefined) continue
    const { bytes } = encoded
    batches.push({ baseOffset: offset(base), lastOffset: offset(next - 1), bytes })
  }
  const ends = { logStartOffset: offset(0), highWatermark: offset(1e6) }
  const nextOffset = offset(next + left)
  return {
    ...at,
    fetchOffset: offset(0),
    batches,
    nextOffset,
    ...ends,
    lastStableOffset: nextOffset,
  }
}

const offsetsOf = ({ records }: FetchedPartition) => records.map((record) => record.offset)

test('what is taken a few at a time is what came, without a gap and without end', () => {
  const size = fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 5 }))
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 1, maxLength: 8 }),
      fc.nat({ max: 3 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 12 })),
      (sizes, left, wanted) => {
        const fetched = fetchedOf(sizes, left)
        const whole = new FetchedAhead(codec).decode(fetched, Infinity)
        const ahead = new FetchedAhead(codec)
        const found: number[] = []
        let kept: FetchedBatches | null = fetched
        for (let next = offset(0); kept !== null; kept = ahead.take({ ...at, offset: next })) {
          const recordsMax = wanted.next().value as number
          const part = ahead.decode(kept, recordsMax)
          assert.ok(part.records.length < recordsMax + 5, 'one batch more at most')
          assert.ok(part.records.length > 0 && part.nextOffset > next)
          found.push(...offsetsOf(part))
          next = part.nextOffset
          if (next === fetched.nextOffset) break
        }
        assert.deepEqual(found, offsetsOf(whole))
        assert.equal(whole.nextOffset, fetched.nextOffset)
      },
    ),
  )
})

test('what is kept is for whoever goes on exactly there', () => {
  const ahead = new FetchedAhead(codec)
  const sizes = Array.from({ length: 3 }, () => [0, 2] as const)
  ahead.decode(fetchedOf(sizes, 0), 1)
  assert.equal(ahead.take({ ...at, partition: partition(1), offset: offset(2) }), null)
  assert.equal(ahead.take({ ...at, offset: offset(1) }), null)
  assert.equal(ahead.take({ ...at, offset: offset(2) }), null, 'it was let go')
})

test('a backlog that no heap would hold decoded is worked off', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-backlog-'))
  const script = fileURLToPath(new URL('./backlog.test-child.ts', import.meta.url))
  const flags = ['--max-old-space-size=64', '--max-semi-space-size=4']
  const child = spawn(process.execPath, [...flags, script, directory], { stdio: 'pipe' })
  try {
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0, output)
    assert.match(output, /^400000 processed$/m)
  } finally {
    child.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
})
