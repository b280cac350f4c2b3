import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Differential, Setup } from './support/differ.ts'
import { asOfJoins } from './topologies/as-of-joins.ts'

/** What is older than the history is measured by the task's stream time here and by the store's there. */
const setup: Setup = {
  topics: ['input', 'table'],
  parameters: [
    { historyMs: 86_400_000, lateMaxMs: 1000 },
    { historyMs: 30, lateMaxMs: 15 },
  ],
  edgesMs: [0, 5, 10, 15, 20, 30, 45],
  rules: ['late-by-more', 'ties-in-tables'],
}

/** Joins with the row as it is. */
const joinsLatest: Differential = {
  name: 'a join with the latest row',
  build: (builder, parameters) => {
    const historyMs = present(parameters['historyMs'], 'a history')
    asOfJoins['as-of-join'](builder, { historyMs: Math.ceil(historyMs / 1_000_000) })
  },
  setup: { ...setup, judgedAs: 'as-of-join' },
  isCanary: true,
}

differ([...Object.entries(asOfJoins).map(([name, build]) => ({ name, build, setup })), joinsLatest])
