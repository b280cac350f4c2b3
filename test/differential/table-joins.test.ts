import { differ } from './support/differ.ts'
import type { Differential } from './support/differ.ts'
import { tableJoins } from './topologies/table-joins.ts'

const idle = ['idle-deletes-of-rows', 'idle-tombstones'] as const
const topics = ['table', 'other']

differ(
  Object.entries(tableJoins).flatMap(([name, build]): Differential[] => [
    { name, build, setup: { topics, rules: ['time-that-rises', ...idle] } },
    {
      name: `${name} of tables whose times differ`,
      build,
      setup: {
        topics,
        judgedAs: name,
        rules: ['tables-by-event-time', ...idle, 'times-of-table-joins'],
      },
    },
  ]),
)
