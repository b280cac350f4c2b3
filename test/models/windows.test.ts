/** Models of hopping and sliding windows: every record is kept, and each window is what its interval holds. */
import { present } from '../../src/core/assert.ts'
import type { Output, Parameters } from '../differential/support/case.ts'
import { hoppingSetup, slidingSetup, tumblingSetup } from '../differential/support/window-setups.ts'
import { overlappingWindows } from '../differential/topologies/overlapping-windows.ts'
import { windows } from '../differential/topologies/windows.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { foldable, StreamTime, windowOutput } from './support/folds.ts'
import type { Taken } from './support/folds.ts'

function hoppingModel(parameters: Parameters): Model {
  const sizeMs = present(parameters['sizeMs'], 'a size')
  const advanceMs = parameters['advanceMs'] ?? sizeMs
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const held = new Map<string, Taken[]>()
  return (step) => {
    const nowMs = time.advance(step)
    const record = foldable(step)
    const outputs: Output[] = []
    if (record === null) return outputs
    for (let startMs = 0; startMs <= record.timestampMs; startMs += advanceMs) {
      const endMs = startMs + sizeMs
      if (record.timestampMs >= endMs || endMs + graceMs <= nowMs) continue
      const id = `${record.key} ${startMs}`
      const taken = [...(held.get(id) ?? []), record]
      held.set(id, taken)
      outputs.push(windowOutput(record.key, [startMs, endMs], taken, record.header))
    }
    return outputs
  }
}

/** A record is taken where an open window holds it. It makes the window that ends with it, and the ones that begin just
 * after it and just after any other record, as soon as they hold one. */
function slidingModel(parameters: Parameters): Model {
  const differenceMs = present(parameters['differenceMs'], 'a difference')
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const takenOf = new Map<string, Taken[]>()
  const madeOf = new Map<string, Set<number>>()
  return (step) => {
    const closedMs = time.advance(step) - graceMs
    const record = foldable(step)
    if (record === null || record.timestampMs + differenceMs < closedMs) return []
    const { key, timestampMs, header } = record
    const before = takenOf.get(key) ?? []
    const made = madeOf.get(key) ?? new Set<number>()
    const outputs: Output[] = []
    let isTaken = false
    const after = [...before, record].map((each) => each.timestampMs + 1)
    for (const startMs of new Set([...made, Math.max(0, timestampMs - differenceMs), ...after])) {
      const endMs = startMs + differenceMs
      const isInside = (each: Taken) => each.timestampMs >= startMs && each.timestampMs <= endMs
      const inside = [...before, record].filter(isInside)
      if (inside.length === 0 || endMs < closedMs) continue
      const holdsIt = isInside(record)
      if (!holdsIt && made.has(startMs)) continue
      isTaken ||= holdsIt
      made.add(startMs)
      outputs.push(windowOutput(key, [startMs, endMs], inside, header))
    }
    if (isTaken) takenOf.set(key, [...before, record])
    madeOf.set(key, made)
    return outputs
  }
}

compare([
  {
    name: 'a tumbling window',
    build: windows['tumbling-reduce'],
    model: hoppingModel,
    inputs: tumblingSetup,
    parameters: tumblingSetup.parameters ?? [],
    inBatches: true,
  },
  {
    name: 'a hopping window',
    build: overlappingWindows['hopping-reduce'],
    model: hoppingModel,
    inputs: hoppingSetup,
    parameters: hoppingSetup.parameters ?? [],
    inBatches: true,
  },
  {
    name: 'a sliding window',
    build: overlappingWindows['sliding-reduce'],
    model: slidingModel,
    inputs: slidingSetup,
    parameters: slidingSetup.parameters ?? [],
    inBatches: true,
    inAnyOrder: true,
  },
])
