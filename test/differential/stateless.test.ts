import { differ } from './support/differ.ts'
import { stateless } from './topologies/stateless.ts'

differ(
  Object.entries(stateless).map(([name, build]) => ({
    name,
    build,
    setup:
      name === 'merge' ? { topics: ['input', 'other'] } : { topics: ['input'], inBatches: true },
  })),
)
