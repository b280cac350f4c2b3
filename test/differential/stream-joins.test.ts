import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Step } from './support/case.ts'
import type { Differential, Setup } from './support/differ.ts'
import type { RuleName } from './support/normalise.ts'
import { joinInputs } from './support/window-setups.ts'
import { streamJoins } from './topologies/stream-joins.ts'

const rules: readonly RuleName[] = [
  'null-values-in-windows',
  'stream-time-of-the-task',
  'late-by-more',
]
const outerRules: readonly RuleName[] = [
  'null-values-in-windows',
  'late-by-more',
  'overlooked-results',
  // Last of those that change times: it goes by what is left.
  'stream-time-of-the-task',
]

/** Stores there forget what lies just within grace: what comes is less late than that. */
const inner = {
  ...joinInputs,
  parameters: [
    { differenceMs: 5, graceMs: 0, lateMaxMs: 4 },
    { differenceMs: 5, graceMs: 5, lateMaxMs: 9 },
    { differenceMs: 0, graceMs: 3, lateMaxMs: 2 },
    { differenceMs: 10, graceMs: 30, lateMaxMs: 39 },
  ],
  rules,
} satisfies Setup

/** What comes unjoined when its window has ended waits for its grace here and not there: nothing is as late. */
function outerOf(isRightOuter: 0 | 1): Setup {
  const parameters = inner.parameters.map((each) => ({
    ...each,
    isRightOuter,
    lateMaxMs: Math.min(each.lateMaxMs, each.differenceMs),
  }))
  const overlooked = { differenceMs: 10, graceMs: 30, lateMaxMs: 10, isRightOuter }
  return { ...inner, parameters, rules: outerRules, examples: [[overlooked, second]] }
}

/** The second is overlooked there when the first goes out, until the third has closed too. */
const second: readonly Step[] = [0, 11, 1, 41, 42, 51, 52].map((timestampMs) => ({
  topic: 'input',
  key: 'a',
  value: '1',
  timestampMs,
  header: String(timestampMs),
}))
const left = outerOf(0)
const outer = outerOf(1)
const beforeAndAfter: Setup = {
  ...joinInputs,
  parameters: [
    { differenceMs: 0, beforeMs: 10, afterMs: 0, graceMs: 0, lateMaxMs: 0 },
    { differenceMs: 0, beforeMs: 3, afterMs: 7, graceMs: 5, lateMaxMs: 7 },
  ],
  rules,
}

/** A pair that is a millisecond too far apart is joined. */
const joinsTooMuch: Differential = {
  name: 'a join of streams whose window is a millisecond longer',
  build: (builder, parameters) => {
    const differenceMs = present(parameters['differenceMs'], 'a difference') + 1
    streamJoins['stream-left-join'](builder, { ...parameters, differenceMs })
  },
  setup: { ...left, judgedAs: 'stream-left-join' },
  isCanary: true,
}

/** Shows that the rule is needed: where Kafka Streams no longer overlooks what waits, it goes. */
const overlooksNothing: Differential = {
  name: 'an outer join of streams that overlooks no result',
  build: streamJoins['stream-outer-join'],
  setup: {
    ...outer,
    judgedAs: 'stream-outer-join',
    rules: outerRules.filter((rule) => rule !== 'overlooked-results'),
  },
  isCanary: true,
}

differ([
  ...Object.entries(streamJoins).map(([name, build]) => ({ name, build, setup: setupOf(name) })),
  joinsTooMuch,
  overlooksNothing,
])

function setupOf(name: string): Setup {
  if (name === 'stream-join-before-and-after') return beforeAndAfter
  if (name === 'stream-left-join') return left
  return name === 'stream-outer-join' ? outer : inner
}
