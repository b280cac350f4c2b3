import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchRoom } from './batch-room.ts'

const limits = { batchRecordsMax: 10_000, turnRecordsMax: 2000, uncommittedBytesMax: 1_000_000 }

test('whatever records leave behind, turns take one or more, and never more than the batch may have', () => {
  const turn = fc.record({ bytesPerRecord: fc.nat({ max: 300_000 }), isHeld: fc.boolean() })
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
      const room = new BatchRoom(limits)
      let encoded = 0
      for (const { bytesPerRecord, isHeld } of turns) {
        const records = room.turnRecordsMax
        assert.ok(records >= 1 && records <= limits.turnRecordsMax)
        assert.ok(room.records + records <= limits.batchRecordsMax)
        if (isHeld) room.hold(records * bytesPerRecord)
        else encoded += records * bytesPerRecord
        room.took(records, encoded)
        if (!room.isUsedUp) continue
        room.committed()
        encoded = 0
        assert.equal(room.isUsedUp, false)
      }
    }),
  )
})

test('from the second turn on, records of one size never hold more than the bytes and one record', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000_000 }), (bytesPerRecord) => {
      const room = new BatchRoom(limits)
      room.took(room.turnRecordsMax, 0)
      room.committed()
      room.hold(bytesPerRecord)
      room.took(1, 0)
      room.committed()
      for (let turn = 0; turn < 20; turn += 1) {
        let held = 0
        while (!room.isUsedUp) {
          const records = room.turnRecordsMax
          room.hold(records * bytesPerRecord)
          room.took(records, 0)
          held += records * bytesPerRecord
        }
        assert.ok(held <= limits.uncommittedBytesMax + bytesPerRecord, `${held} bytes are held`)
        room.committed()
      }
    }),
  )
})

test('small records fill a batch by their number', () => {
  const room = new BatchRoom(limits)
  const turns: number[] = []
  while (!room.isUsedUp) {
    turns.push(room.turnRecordsMax)
    room.took(turns.at(-1) ?? 0, 0)
  }
  assert.deepEqual(turns, [100, 2000, 2000, 2000, 2000, 1900])
})
