import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Differential, Setup } from './support/differ.ts'
import { joinInputs } from './support/window-setups.ts'
import { streamJoins } from './topologies/stream-joins.ts'

const rules = ['null-values-in-windows', 'stream-time-of-the-task', 'late-by-more'] as const

/** An unjoined record waits for its grace here and not there, hence nothing of an outer join is out of order by more
 * than its window; and stores there forget what lies just within grace. */
const inner: Setup = {
  ...joinInputs,
  parameters: [
    { differenceMs: 5, graceMs: 0, lateMaxMs: 4 },
    { differenceMs: 5, graceMs: 5, lateMaxMs: 9 },
    { differenceMs: 0, graceMs: 3, lateMaxMs: 2 },
    { differenceMs: 10, graceMs: 30, lateMaxMs: 39 },
  ],
  rules,
}
const outer: Setup = {
  ...inner,
  parameters: present(inner.parameters, 'parameters').map((each) => ({
    ...each,
    lateMaxMs: present(each['differenceMs'], 'a difference'),
  })),
}
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
  setup: { ...outer, judgedAs: 'stream-left-join' },
  isCanary: true,
}

differ([
  ...Object.entries(streamJoins).map(([name, build]) => ({ name, build, setup: setupOf(name) })),
  joinsTooMuch,
])

function setupOf(name: string): Setup {
  if (name === 'stream-join-before-and-after') return beforeAndAfter
  return name.includes('left') || name.includes('outer') ? outer : inner
}
