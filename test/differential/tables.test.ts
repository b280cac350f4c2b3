import { differ } from './support/differ.ts'
import { tables } from './topologies/tables.ts'

/** With time that rises for each key; `tables-by-event-time.test.ts` has any other order. */
differ(
  Object.entries(tables).map(([name, build]) => ({
    name,
    build,
    setup: {
      topics: ['table'],
      rules: ['tables-by-event-time', 'idle-tombstones'],
      inBatches: true,
    },
  })),
)
