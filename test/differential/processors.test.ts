import { differ } from './support/differ.ts'
import { processors } from './topologies/processors.ts'

const parameters = [{ intervalMs: 1 }, { intervalMs: 5 }, { intervalMs: 10 }]
const edgesMs = [0, 5, 10, 20, 30]

differ(
  Object.entries(processors).map(([name, build]) => ({
    name,
    build,
    setup:
      name === 'punctuate-wall-clock'
        ? { topics: ['input'], parameters, advances: [0, 1, 4, 5, 6, 23] }
        : { topics: ['input'], parameters, edgesMs },
  })),
)
