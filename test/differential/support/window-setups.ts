/** Lengths of windows to judge, and the moments at which they begin and end. */
import type { Setup } from './differ.ts'

const rules = ['null-values-in-windows', 'stream-time-of-the-task', 'idle-tombstones'] as const

export const tumblingSetup: Setup = {
  topics: ['input'],
  parameters: [
    { sizeMs: 10, graceMs: 0 },
    { sizeMs: 10, graceMs: 5 },
    { sizeMs: 1, graceMs: 0 },
    { sizeMs: 7, graceMs: 20 },
  ],
  edgesMs: [0, 7, 10, 15, 20, 25, 30, 35],
  rules,
}

export const hoppingSetup: Setup = {
  topics: ['input'],
  parameters: [
    { sizeMs: 10, advanceMs: 5, graceMs: 0 },
    { sizeMs: 10, advanceMs: 3, graceMs: 4 },
    { sizeMs: 10, advanceMs: 10, graceMs: 5 },
    { sizeMs: 7, advanceMs: 1, graceMs: 20 },
  ],
  edgesMs: [0, 3, 5, 7, 10, 15, 20, 25, 30, 35],
  rules,
}

export const slidingSetup: Setup = {
  topics: ['input'],
  parameters: [
    { differenceMs: 5, graceMs: 0, lateMaxMs: 0 },
    { differenceMs: 5, graceMs: 5, lateMaxMs: 5 },
    { differenceMs: 1, graceMs: 0, lateMaxMs: 0 },
    { differenceMs: 10, graceMs: 30, lateMaxMs: 30 },
  ],
  edgesMs: [0, 5, 10, 15, 20, 25, 30],
  // What is late for the window that it ends is left out of later ones there.
  rules: [...rules, 'late-by-more', 'windows-handed-on-twice'],
}

export const sessionSetup: Setup = {
  topics: ['input'],
  parameters: [
    { gapMs: 5, graceMs: 0 },
    { gapMs: 5, graceMs: 5 },
    { gapMs: 1, graceMs: 0 },
    { gapMs: 3, graceMs: 20 },
  ],
  edgesMs: [0, 5, 10, 15, 20, 25, 30],
  rules: [...rules, 'sessions-that-keep-their-bounds', 'headers-of-sessions'],
}

/** Of tables that hold their updates back for a time. */
export const limitSetup: Setup = {
  topics: ['input'],
  parameters: [{ limitMs: 0 }, { limitMs: 1 }, { limitMs: 5 }, { limitMs: 20 }],
  edgesMs: [0, 1, 5, 6, 10, 20, 30],
  rules: ['null-values-in-windows', 'stream-time-of-the-task'],
}

/** By the beginning of a topology's name. */
export function setupOf(name: string): Setup {
  if (name.startsWith('hopping')) return hoppingSetup
  if (name.startsWith('sliding')) return slidingSetup
  return name.startsWith('session') ? sessionSetup : tumblingSetup
}

/** Of joins of two streams. */
export const joinInputs = {
  topics: ['input', 'other'],
  edgesMs: [0, 5, 6, 10, 11, 15, 20, 30],
}
