import { differ } from './support/differ.ts'
import { tables } from './topologies/tables.ts'

/** In any order, judged by Kafka Streams' versioned tables, which are ordered by time as ours are. */
differ(
  Object.entries(tables).map(([name, build]) => ({
    name: `${name} in any order`,
    build,
    setup: {
      topics: ['table'],
      judgedAs: `${name}-versioned`,
      rules: ['ties-in-tables', 'older-versions', 'idle-tombstones'],
      inBatches: true,
    },
  })),
)
