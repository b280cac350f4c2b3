import { present } from '../../src/core/assert.ts'
import { differ } from './support/differ.ts'
import type { Differential, Setup } from './support/differ.ts'
import { windows } from './topologies/windows.ts'

const both = ['null-values-in-windows', 'stream-time-of-the-task', 'idle-tombstones'] as const

const tumbling: Setup = {
  topics: ['input'],
  parameters: [
    { sizeMs: 10, graceMs: 0 },
    { sizeMs: 10, graceMs: 5 },
    { sizeMs: 1, graceMs: 0 },
    { sizeMs: 7, graceMs: 20 },
  ],
  edgesMs: [0, 7, 10, 15, 20, 25, 30, 35],
  rules: both,
  inBatches: true,
}

const sessions: Setup = {
  topics: ['input'],
  parameters: [
    { gapMs: 5, graceMs: 0 },
    { gapMs: 5, graceMs: 5 },
    { gapMs: 1, graceMs: 0 },
    { gapMs: 3, graceMs: 20 },
  ],
  edgesMs: [0, 5, 10, 15, 20, 25, 30],
  rules: [...both, 'sessions-that-keep-their-bounds', 'headers-of-sessions'],
}

/** A record that comes just as its window closes is taken. */
const closesLate: Differential = {
  name: 'a window that closes a millisecond late',
  build: (builder, parameters) => {
    const graceMs = present(parameters['graceMs'], 'a grace') + 1
    windows['tumbling-count'](builder, { ...parameters, graceMs })
  },
  setup: { ...tumbling, judgedAs: 'tumbling-count' },
  isCanary: true,
}

differ([
  ...Object.entries(windows).map(([name, build]) => ({
    name,
    build,
    setup: name.startsWith('session') ? sessions : tumbling,
  })),
  closesLate,
])
