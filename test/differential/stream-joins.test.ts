import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Parameters, Step } from './support/case.ts'
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
const second = [0, 11, 1, 41, 42, 51, 52].map((timestampMs) => at('input', timestampMs))
const left = outerOf(0)
const outer = outerOf(1)

type Uneven = readonly [beforeMs: number, afterMs: number, graceMs: number]

/** Windows that lie around the record, unevenly, before it and after it. */
const uneven: readonly Uneven[] = [
  [10, 0, 0],
  [0, 10, 5],
  [3, 7, 5],
  [7, 3, 0],
  [-2, 8, 0],
  [8, -2, 0],
  [-5, 5, 0],
]
/** A record that comes after its window has ended waits for its grace here and goes out at once there. */
const unevenLeft: readonly Uneven[] = [...uneven, [-2, 8, 20]]
const unevenInner: readonly Uneven[] = [...unevenLeft, [8, -2, 20]]

function unevenSetup(isOuter: { readonly left: boolean; readonly right: boolean }): Setup {
  const isRightOuter = isOuter.right ? 1 : 0
  const isInner = !isOuter.left
  const chosen = isInner ? unevenInner : isOuter.right ? uneven : unevenLeft
  const parameters = chosen.map(([beforeMs, afterMs, graceMs]) => {
    const differenceMs = Math.max(beforeMs, afterMs)
    // Such that no pair comes of which both windows have closed.
    let lateMaxMs = Math.max(0, Math.min(beforeMs, afterMs)) + graceMs
    if (isOuter.left && graceMs > 0) lateMaxMs = Math.min(lateMaxMs, afterMs)
    if (isOuter.right && graceMs > 0) lateMaxMs = Math.min(lateMaxMs, beforeMs)
    return { differenceMs, beforeMs, afterMs, graceMs, lateMaxMs, isRightOuter }
  })
  const unevenRules: readonly RuleName[] = [
    'windows-before-zero',
    ...(isInner ? rules : outerRules),
    'order-of-closing',
  ]
  const examples = parameters.map((each): [Parameters, Step[]] => [each, farApart])
  return { ...joinInputs, parameters, rules: unevenRules, examples }
}

/** Further apart than a window is long that lies off its record, and as far as it reaches. */
const farApart = [at('input', 0), at('other', 8), at('input', 16)]

/** There a window that ends before zero ends at zero. */
const takesZero: Differential = {
  name: 'a join of streams whose window lies before its record, near zero,',
  build: streamJoins['stream-inner-before-and-after'],
  setup: {
    ...unevenSetup({ left: false, right: false }),
    judgedAs: 'stream-inner-before-and-after',
    rules,
    onlyExamples: true,
    examples: [
      [{ differenceMs: 8, beforeMs: 8, afterMs: -2, graceMs: 0 }, [at('other', 0), at('input', 1)]],
    ],
  },
  isCanary: true,
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

function at(topic: string, timestampMs: number): Step {
  return { topic, key: 'a', value: '1', timestampMs, header: String(timestampMs) }
}

differ([
  ...Object.entries(streamJoins).map(([name, build]) => ({ name, build, setup: setupOf(name) })),
  joinsTooMuch,
  overlooksNothing,
  takesZero,
])

function setupOf(name: string): Setup {
  if (name === 'stream-inner-before-and-after') return unevenSetup({ left: false, right: false })
  if (name === 'stream-left-before-and-after') return unevenSetup({ left: true, right: false })
  if (name === 'stream-outer-before-and-after') return unevenSetup({ left: true, right: true })
  if (name === 'stream-left-join') return left
  return name === 'stream-outer-join' ? outer : inner
}
