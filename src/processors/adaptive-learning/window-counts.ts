/**
 * Attempts and wins of the last hour, day, 7 and 30 days, in constant space and time: each window is 60 steps of a
 * sixtieth of its length, and an attempt counts while its step is among the last 60, the present one included. So a
 * window reaches back between 59 and 60 sixtieths of its length. An attempt that comes too late to stand at its own time is
 * counted at that time all the same, where a window still reaches back so far. `uncount` takes the last back.
 */
import { present } from '../../core/assert.ts'

export interface WindowBucket {
  /** Steps since the epoch. */
  readonly step: number
  attempts: number
  wins: number
}

/** By window, in the order of `windowNames`; buckets ascending. */
export type WindowCounts = WindowBucket[][]

export interface WindowCount {
  readonly attempts: number
  readonly wins: number
}

export const windowNames = ['1h', '1d', '7d', '30d'] as const
export type WindowName = (typeof windowNames)[number]

const hourMs = 3_600_000
const stepsMs: readonly number[] = [hourMs, 24 * hourMs, 7 * 24 * hourMs, 30 * 24 * hourMs].map(
  (lengthMs) => lengthMs / 60,
)
const stepsPerWindow = 60

export function emptyCounts(): WindowCounts {
  return stepsMs.map(() => [])
}

/** What each window holds at a time at or after the last attempt counted. */
export function countsAt(
  counts: WindowCounts,
  atMs: number,
): Readonly<Record<WindowName, WindowCount>> {
  const found = stepsMs.map((stepMs, window) => {
    const oldest = Math.floor(atMs / stepMs) - stepsPerWindow + 1
    let attempts = 0
    let wins = 0
    for (const bucket of bucketsOf(counts, window)) {
      if (bucket.step < oldest) continue
      attempts += bucket.attempts
      wins += bucket.wins
    }
    return { attempts, wins }
  })
  const at = (window: number) => present(found[window], 'a window')
  return { '1h': at(0), '1d': at(1), '7d': at(2), '30d': at(3) }
}

interface Counted {
  readonly atMs: number
  readonly correct: boolean
}

/**
 * Returns the buckets that no later attempt can see, which `uncount` needs again.
 * @param orderMs where it stands: not before the last attempt counted, and not before its own time
 */
export function count(
  counts: WindowCounts,
  { atMs, correct }: Counted,
  orderMs: number,
): WindowCounts {
  return stepsMs.map((stepMs, window) => {
    const goneUntil = Math.floor(orderMs / stepMs) - stepsPerWindow
    const buckets = bucketsOf(counts, window)
    let gone = 0
    while ((buckets[gone]?.step ?? Infinity) <= goneUntil) gone += 1
    const removed = buckets.splice(0, gone)
    const step = Math.floor(atMs / stepMs)
    if (step <= goneUntil) return removed
    const before = buckets.findLastIndex((bucket) => bucket.step <= step)
    let own = buckets[before]
    if (own?.step !== step) {
      own = { step, attempts: 0, wins: 0 }
      buckets.splice(before + 1, 0, own)
    }
    own.attempts += 1
    if (correct) own.wins += 1
    return removed
  })
}

/** Undoes the last `count`, with what it returned. */
export function uncount(
  counts: WindowCounts,
  { atMs, correct }: Counted,
  removed: WindowCounts,
): void {
  for (const [window, gone] of removed.entries()) {
    const buckets = bucketsOf(counts, window)
    const step = Math.floor(atMs / present(stepsMs[window], 'the step of a window'))
    const at = buckets.findLastIndex((bucket) => bucket.step === step)
    const own = buckets[at]
    // None where it came too late to be counted.
    if (own !== undefined) {
      own.attempts -= 1
      if (correct) own.wins -= 1
      if (own.attempts === 0) buckets.splice(at, 1)
    }
    buckets.unshift(...gone)
  }
}

function bucketsOf(counts: WindowCounts, window: number): WindowBucket[] {
  return present(counts[window], 'the buckets of a window')
}

/** In the schemas of state; `WindowBucket` must be defined once a schema. */
export const windowCountsSchema = {
  type: 'array',
  items: {
    type: 'array',
    items: {
      type: 'record',
      name: 'WindowBucket',
      fields: [
        { name: 'step', type: 'long' },
        { name: 'attempts', type: 'int' },
        { name: 'wins', type: 'int' },
      ],
    },
  },
} as const
