import { differ } from './support/differ.ts'
import type { Differential } from './support/differ.ts'
import { tables } from './topologies/tables.ts'

const topics = ['table']

/** Once with time that rises for each key, and once in any order, judged by Kafka Streams' versioned tables. */
differ(
  Object.entries(tables).flatMap(([name, build]): Differential[] => [
    {
      name,
      build,
      setup: { topics, rules: ['tables-by-event-time', 'idle-tombstones'], inBatches: true },
    },
    {
      name: `${name} in any order`,
      build,
      setup: {
        topics,
        judgedAs: `${name}-versioned`,
        rules: ['ties-in-tables', 'older-versions', 'idle-tombstones'],
        inBatches: true,
      },
    },
  ]),
)
