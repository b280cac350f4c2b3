import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { openIngestFixture } from './ingest-fixture.test-support.ts'
import type { IngestPort, IngestRecord } from './ingest-port.ts'
import { isBlank, lines } from './lines.ts'
import { RecordSender } from './record-sender.ts'

const student = (id: string): IngestRecord => ({
  content: { form: 'json', json: { student_id: id } },
})
/** Waits pass at once, and are noted. */
function hurried(waits: number[]): Clock {
  return {
    ...systemClock,
    after: (delayMs, wake) => {
      waits.push(delayMs)
      return systemClock.after(0, wake)
    },
  }
}

test('back-pressure and a full disk are waited for as long as asked, or longer each time', async () => {
  const { ingest, log, records } = await openIngestFixture()
  const answers = [
    new TidemarkError('BACK_PRESSURE', 'full', { details: { retryAfterMs: 1234 } }),
    new TidemarkError('DISK_FULL', 'full'),
    new TidemarkError('DISK_FULL', 'full'),
  ]
  const pressed: IngestPort = {
    ingest: async (...batch) => {
      const refused = answers.shift()
      if (refused !== undefined) throw refused
      return ingest.ingest(...batch)
    },
  }
  const waits: number[] = []
  const sender = new RecordSender({
    ingest: pressed,
    clock: hurried(waits),
    topic: 'students',
    onError: 'refuse',
    source: 'file',
  })
  await sender.add(student('a'), 1)
  await sender.flush()
  assert.deepEqual(waits, [1234, 100, 200])
  assert.equal((await records('students')).length, 1)
  await log.close()
})

test('what cannot be retried is thrown, and so is what was tried for too long', async () => {
  const failing = (code: 'BACK_PRESSURE' | 'TOPIC_UNKNOWN', retryForMsMax: number) => {
    const sender = new RecordSender({
      ingest: { ingest: () => Promise.reject(new TidemarkError(code, code)) },
      clock: systemClock,
      topic: 'students',
      onError: 'refuse',
      source: 'file',
      retryForMsMax,
    })
    void sender.add(student('a'), 1)
    return sender.flush()
  }
  await assert.rejects(failing('TOPIC_UNKNOWN', 60_000), /TOPIC_UNKNOWN/)
  await assert.rejects(failing('BACK_PRESSURE', 0), /BACK_PRESSURE/)
})

test('batches keep their order and their limits', async () => {
  const { ingest, log } = await openIngestFixture()
  const sizes: number[] = []
  const sender = new RecordSender({
    ingest,
    clock: systemClock,
    topic: 'students',
    onError: 'quarantine',
    source: 'file',
    batchRecordsMax: 3,
    batchBytesMax: 100,
    onBatch: (batch) => sizes.push(batch.length),
  })
  for (const bytes of [1, 1, 1, 60, 60, 1]) await sender.add(student('a'), bytes)
  await sender.add({ content: { form: 'json', json: {} }, location: 'here:1' }, 1)
  await sender.flush()
  assert.deepEqual(sizes, [3, 2, 2])
  assert.deepEqual([sender.totals.taken, sender.totals.quarantined], [6, 1])
  assert.match(sender.totals.firstRefusals[0] ?? '', /^here:1: field "student_id"/)
  await log.close()
})

test('what is added while others are flushed goes behind them, one batch at a time', async () => {
  const arrived: string[][] = []
  let [underWay, most] = [0, 0]
  const sender = new RecordSender({
    ingest: {
      ingest: async (_topic, batch) => {
        most = Math.max(most, ++underWay)
        arrived.push(batch.map(({ location = '' }) => location))
        await new Promise(setImmediate)
        underWay--
        return { taken: batch.length, refused: 0, quarantined: 0, warnings: 0, outcomes: [] }
      },
    },
    clock: systemClock,
    topic: 'students',
    onError: 'refuse',
    source: 'file',
    batchRecordsMax: 2,
  })
  const flushes: Promise<void>[] = []
  for (const location of ['1', '2', '3', '4', '5', '6', '7']) {
    void sender.add({ ...student('a'), location }, 1)
    flushes.push(sender.flush())
  }
  await Promise.all(flushes)
  assert.equal(most, 1)
  assert.deepEqual(arrived.flat(), ['1', '2', '3', '4', '5', '6', '7'])
})

test('a line of the greatest length is whole, with CRLF too, and one byte more is not', async () => {
  async function* chunks() {
    yield Buffer.from('12345678\r\n123456789\r\n12345678')
  }
  for await (const found of lines(chunks(), 8)) {
    for (const { number, length } of found) assert.equal(length <= 8, number !== 2)
  }
})

test('however the bytes are cut, the lines are the same', async () => {
  const part = fc.constantFrom('a', 'é', '\n', '\r\n', ' ', '\t', 'bcdefghij')
  await fc.assert(
    fc.asyncProperty(fc.array(part), fc.array(fc.nat(60)), async (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''))
      async function* chunks() {
        let from = 0
        for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
          yield bytes.subarray(from, Math.max(from, cut))
          from = Math.max(from, Math.min(cut, bytes.length))
        }
      }
      const found: string[] = []
      for await (const some of lines(chunks(), 8)) {
        for (const line of some) {
          assert.equal(line.number, found.length + 1)
          assert.ok(line.bytes.length <= 8 && line.bytes.length <= line.length)
          found.push(isBlank(line) ? '' : line.bytes.toString('latin1'))
        }
      }
      const expected = bytes.toString('latin1').split('\n')
      if (expected.at(-1) === '') expected.pop()
      assert.deepEqual(
        found,
        expected.map((line) => {
          const whole = line.replace(/\r$/, '')
          return /^[ \t]{0,8}$/.test(whole) ? '' : whole.slice(0, 8)
        }),
      )
    }),
  )
})
