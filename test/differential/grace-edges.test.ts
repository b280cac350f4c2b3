/**
 * Records that are as late as they may just be, a millisecond later, and later than any window: case by case, since
 * what is made up for the other tests stays clear of what docs/semantics.md says of `late-by-more`.
 */
import type { Step } from './support/case.ts'
import { differ } from './support/differ.ts'
import type { Differential } from './support/differ.ts'
import { joinInputs } from './support/window-setups.ts'
import { overlappingWindows } from './topologies/overlapping-windows.ts'
import { streamJoins } from './topologies/stream-joins.ts'

const differenceMs = 5
const graceMs = 5
const nowMs = 100
const laterMs = 200

function at(topic: string, timestampMs: number): Step {
  return { topic, key: 'a', value: '1', timestampMs, header: null }
}

/** A partner so far away (null: none), the time that makes the record late, the record, and what closes all. */
function joinCase(lateMs: number, apartMs: number | null): readonly Step[] {
  const timestampMs = nowMs - lateMs
  const partner = apartMs === null ? [] : [at('other', timestampMs + apartMs)]
  return [
    ...[...partner, at('other', nowMs), at('input', timestampMs)],
    ...[at('input', laterMs), at('other', laterMs)],
  ]
}

/** Difference and grace are 10: a record that is 10 late is in time, and its partner may be. */
const joinLateness: readonly (readonly [lateMs: number, apartMs: readonly (number | null)[]])[] = [
  [9, [-5, -4, 0, 5]],
  [10, [-4, -1, 0, 1, 5]],
  // Late, with a partner that waits yet, or with none.
  [11, [1, 2, 5, 6, null]],
  [12, [2, 5, 6, null]],
  [15, [5, 6, null]],
  // Later than whatever may be its partner.
  [21, [0, 5, null]],
]

function joins(kind: 'stream-join' | 'stream-left-join' | 'stream-outer-join'): Differential {
  const isRightOuter = kind === 'stream-outer-join' ? 1 : 0
  const parameters = { differenceMs, graceMs, isRightOuter }
  const cases = joinLateness.flatMap(([lateMs, apart]) =>
    apart.map((apartMs) => joinCase(lateMs, apartMs)),
  )
  return {
    name: `${kind}, at the edge of its grace,`,
    build: streamJoins[kind],
    setup: {
      ...joinInputs,
      judgedAs: kind,
      onlyExamples: true,
      examples: cases.map((steps) => [parameters, steps]),
    },
  }
}

/** A window that a record begins or ends is closed once it is later than the grace; the last one that may hold it, a
 * difference later still. */
const slidingLateness = [4, 5, 11, 12, 40] as const

function slidings(kind: 'sliding-count' | 'sliding-reduce'): Differential {
  const parameters = { differenceMs, graceMs }
  const cases = slidingLateness.map((lateMs) =>
    [nowMs - 20, nowMs, nowMs - lateMs, laterMs].map((timestampMs) => at('input', timestampMs)),
  )
  return {
    name: `${kind}, at the edge of its grace,`,
    build: overlappingWindows[kind],
    setup: {
      topics: ['input'],
      judgedAs: kind,
      onlyExamples: true,
      examples: cases.map((steps) => [parameters, steps]),
    },
  }
}

/** Shows that the edge is met: with a millisecond less, what is in time is late. */
function canary(differential: Differential): Differential {
  const { build, name } = differential
  return {
    ...differential,
    name: `with a millisecond less of grace, ${name}`,
    build: (builder, parameters) => build(builder, { ...parameters, graceMs: graceMs - 1 }),
    isCanary: true,
  }
}

const differentials = [
  joins('stream-join'),
  joins('stream-left-join'),
  joins('stream-outer-join'),
  slidings('sliding-count'),
  slidings('sliding-reduce'),
]
differ(differentials.flatMap((differential) => [differential, canary(differential)]))
