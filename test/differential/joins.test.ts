import { differ } from './support/differ.ts'
import type { Differential } from './support/differ.ts'
import { joins } from './topologies/joins.ts'

const foreignKeys = ['empty-rows', 'idle-deletes-of-rows', 'idle-tombstones'] as const

differ(
  Object.entries(joins).flatMap(([name, build]): Differential[] => {
    if (!name.startsWith('foreign-key')) {
      const topics = name === 'join-with-itself' ? ['table'] : ['input', 'table']
      return [{ name, build, setup: { topics, rules: ['tables-by-event-time'] } }]
    }
    const topics = ['table', 'other']
    return [
      { name, build, setup: { topics, rules: ['time-that-rises', ...foreignKeys] } },
      {
        name: `${name} of tables whose times differ`,
        build,
        setup: {
          topics,
          judgedAs: name,
          rules: ['tables-by-event-time', ...foreignKeys, 'times-of-table-joins'],
        },
      },
    ]
  }),
)
