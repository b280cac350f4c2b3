import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { upToCuts } from './merge-entries.ts'
import type { AnsweredEntry, AnsweredPartition } from './read-message.ts'

const lengthMs = 30

/** What a partition answers that has these times and room for so many: what is at `fromMs` or later. */
function answer(times: readonly number[], room: number, fromMs: number): AnsweredPartition {
  const due = times.filter((time) => time >= fromMs)
  const entries = due.slice(0, room).map((time): AnsweredEntry => {
    return { keyBytes: '', key: null, value: time, startMs: time - lengthMs, endMs: time }
  })
  const told = {
    partition: 0 as never,
    host: '',
    role: 'active',
    position: {},
    lagRecords: 0,
  } as const
  return { ...told, lastAppliedMs: null, entries, isCut: due.length > room }
}

for (const kind of ['windows', 'sessions'] as const) {
  test(`${kind} of several partitions are all told, once and in order, wherever each of them is cut`, () => {
    const partition = fc.record({
      times: fc.uniqueArray(fc.nat({ max: 200 })).map((times) => times.sort((a, b) => a - b)),
      room: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(fc.array(partition, { minLength: 1, maxLength: 4 }), (partitions) => {
        const shift = kind === 'windows' ? lengthMs : 0
        const seen: unknown[] = []
        let fromMs = 0
        for (;;) {
          const asked = fromMs
          const parts = partitions.map(({ times, room }) => answer(times, room, asked))
          const { entries, isCut } = upToCuts(parts, kind)
          seen.push(...entries.map(({ value }) => value))
          if (!isCut) break
          const last = entries.at(-1)
          assert.ok(last !== undefined)
          fromMs = ((kind === 'windows' ? last.startMs : last.endMs) ?? 0) + shift + 1
        }
        const all = partitions.flatMap(({ times }) => times).sort((a, b) => a - b)
        assert.deepEqual(seen, all)
      }),
    )
  })
}
