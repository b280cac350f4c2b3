import { differ } from './support/differ.ts'
import { hoppingSetup, slidingSetup } from './support/window-setups.ts'
import { overlappingWindows } from './topologies/overlapping-windows.ts'

differ(
  Object.entries(overlappingWindows).map(([name, build]) => ({
    name,
    build,
    setup: name.startsWith('hopping') ? { ...hoppingSetup, inBatches: true } : slidingSetup,
  })),
)
