import { differ } from './support/differ.ts'
import { windows } from './topologies/windows.ts'

const tumbling = [
  { sizeMs: 10, graceMs: 0 },
  { sizeMs: 10, graceMs: 5 },
  { sizeMs: 1, graceMs: 0 },
  { sizeMs: 7, graceMs: 20 },
]
const sessions = [
  { gapMs: 5, graceMs: 0 },
  { gapMs: 5, graceMs: 5 },
  { gapMs: 1, graceMs: 0 },
  { gapMs: 3, graceMs: 20 },
]
const both = ['null-values-in-windows', 'stream-time-of-the-task', 'idle-tombstones'] as const

differ(
  Object.entries(windows).map(([name, build]) => ({
    name,
    build,
    setup: name.startsWith('session')
      ? {
          topics: ['input'],
          parameters: sessions,
          // Gaps and graces from a few moments on, and the ends of what begins there.
          edgesMs: [0, 5, 10, 15, 20, 25, 30],
          rules: [...both, 'sessions-that-keep-their-bounds', 'headers-of-sessions'],
        }
      : {
          topics: ['input'],
          parameters: tumbling,
          edgesMs: [0, 7, 10, 15, 20, 25, 30, 35],
          rules: both,
        },
  })),
)
