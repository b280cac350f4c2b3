import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Differential, Setup } from './support/differ.ts'
import type { RuleName } from './support/normalise.ts'
import { limitSetup, setupOf } from './support/window-setups.ts'
import { finalResults } from './topologies/final-results.ts'

/** Hands a table on a millisecond late. */
const calmsLonger: Differential = {
  name: 'a table that is held back a millisecond longer',
  build: (builder, parameters) => {
    const limitMs = present(parameters['limitMs'], 'a limit') + 1
    finalResults['count-suppressed'](builder, { ...parameters, limitMs })
  },
  setup: { ...limitSetup, judgedAs: 'count-suppressed' },
  isCanary: true,
}

const tableRules: RuleName[] = [
  'tables-by-event-time',
  'idle-deletes-of-rows',
  // Last of those that change times or leave records out: it goes by what is left.
  'stream-time-of-the-task',
  'idle-tombstones',
]

differ([
  ...Object.entries(finalResults).map(([name, build]) => ({ name, build, setup: setupFor(name) })),
  calmsLonger,
])

function setupFor(name: string): Setup {
  if (name === 'count-suppressed') return limitSetup
  if (name === 'table-suppressed') return { ...limitSetup, topics: ['table'], rules: tableRules }
  const setup = setupOf(name)
  const rules: RuleName[] = [...(setup.rules ?? []), 'much-later']
  const isEndInclusive = name.startsWith('sliding') || name.startsWith('session')
  if (!isEndInclusive || !name.endsWith('suppressed')) return { ...setup, rules }
  // Kafka Streams suppresses these until a moment at which they still take records, so that a final result may be
  // followed by another; those that it hands on when they close are final.
  const judgedAs = name.replace('suppressed', 'on-close')
  return { ...setup, judgedAs, rules: [...rules, 'headers-of-final-results'] }
}
