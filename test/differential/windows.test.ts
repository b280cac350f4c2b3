import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Differential } from './support/differ.ts'
import { sessionSetup, tumblingSetup } from './support/window-setups.ts'
import { windows } from './topologies/windows.ts'

/** A record that comes just as its window closes is taken. */
const closesLate: Differential = {
  name: 'a window that closes a millisecond late',
  build: (builder, parameters) => {
    const graceMs = present(parameters['graceMs'], 'a grace') + 1
    windows['tumbling-count'](builder, { ...parameters, graceMs })
  },
  setup: { ...tumblingSetup, judgedAs: 'tumbling-count' },
  isCanary: true,
}

differ([
  ...Object.entries(windows).map(([name, build]) => ({
    name,
    build,
    setup: name.startsWith('session') ? sessionSetup : tumblingSetup,
  })),
  closesLate,
])
