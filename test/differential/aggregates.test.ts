import { differ } from './support/differ.ts'
import { aggregates } from './topologies/aggregates.ts'

differ(
  Object.entries(aggregates).map(([name, build]) => ({
    name,
    build,
    setup: { topics: ['input'], rules: ['idle-tombstones'], inBatches: true },
  })),
)
