import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { ProcessorContext, StreamRecord } from '../processors/processor.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { counts, words, type Word } from './test-support/counting.ts'
import { topicSpecs } from './topics.ts'
import { readLatest, send, testRuntime } from './test-support/harness.ts'

test('what processors hold back is bounded by its bytes, and handed on a part at a time', async (t) => {
  const [heldBytes, handedOnMax, recordCount] = [100, 7, 1000]
  const batches: number[] = []
  const parts: number[] = []
  const holding = defineTopology('holding', (builder) => {
    const supplier = () => {
      let context: ProcessorContext<string, number>
      let held: StreamRecord<string, Word>[] = []
      let batch = 0
      return {
        init: (own: ProcessorContext<string, number>) => {
          context = own
        },
        process: (record: StreamRecord<string, Word>) => {
          held.push(record)
          batch += 1
          context.noteHeld(heldBytes)
        },
        flush: () => {
          if (batch > 0) batches.push(batch)
          batch = 0
          const part = held.slice(0, handedOnMax)
          held = held.slice(handedOnMax)
          parts.push(part.length)
          for (const record of part) context.forward({ ...record, value: 1 })
        },
        get holdsMore() {
          return held.length > 0
        },
      }
    }
    builder.stream('word', words).process<string, number>('hold', { supplier }).to('out', counts)
  })
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  const limits = {
    uncommittedBytesMax: 20 * heldBytes,
    commitIntervalMs: 10,
    defaultPartitionCount: 1,
  }
  const runtime = testRuntime([holding], storage, { limits })
  const said = Array.from({ length: recordCount }, (_, at) => {
    return { id: `${at}`, word: `w${at}`, atMs: at }
  })
  await storage.log.createTopics(topicSpecs([holding], 1, false))
  await send(storage.log, words, said)
  await runtime.start()
  await runtime.whenIdle()
  await runtime.stop()
  // What a record leaves behind is known after the first turn.
  const [first = 0, ...others] = batches
  assert.ok(first <= 100, `${first} records in the first batch`)
  assert.ok(Math.max(...others) <= 20, `${Math.max(...others)} records in a batch`)
  assert.ok(Math.max(...parts) <= handedOnMax)
  assert.equal((await readLatest(storage.log, 'counts')).size, recordCount)
})
