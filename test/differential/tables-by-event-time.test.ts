import type { Step } from './support/case.ts'
import { differ } from './support/differ.ts'
import type { Setup } from './support/differ.ts'
import { tables } from './topologies/tables.ts'

/** Groups of rows: they never hear of an update that is older than its row, there as here. */
const folds = new Set(['table-count', 'table-reduce', 'table-aggregate', 'table-count-of-filtered'])

/** Of the group "1": its subtractor deletes it at 2, another row leaves it at 4 when it holds nothing, and the first
 * comes back at 3, which the judge puts out too: its time goes by what the group holds. */
const backInAnEmptyGroup = [
  at('a', '1', 0),
  at('a', '12', 1),
  at('b', '1', 0),
  at('a', null, 2),
  at('b', '', 4),
  at('a', '1', 3),
]

/** The group "1" is deleted at 4, and begins anew with a row of 3: that goes out, though it is older than the delete. */
const olderThanItsDelete = [at('a', '12', 0), at('a', null, 4), at('b', '1', 3)]

/** In any order, judged by Kafka Streams' versioned tables, which are ordered by time as ours are. */
differ(
  Object.entries(tables).map(([name, build]) => ({
    name: `${name} in any order`,
    build,
    setup: { ...setupOf(name), judgedAs: `${name}-versioned` },
  })),
)

function setupOf(name: string): Setup {
  const setup: Setup = {
    topics: ['table'],
    rules: ['ties-in-tables', 'idle-tombstones'],
    inBatches: true,
  }
  if (name === 'table-aggregate') {
    return {
      ...setup,
      examples: [backInAnEmptyGroup, olderThanItsDelete].map((each) => [{}, each]),
    }
  }
  if (folds.has(name)) return setup
  // First, since an idle delete is the key's latest version too.
  return { ...setup, rules: ['older-versions', ...(setup.rules ?? [])] }
}

function at(key: string, value: string | null, timestampMs: number): Step {
  return { topic: 'table', key, value, timestampMs, header: null }
}
