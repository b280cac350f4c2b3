/** On-commit: of what a batch of records changes, the last change of each key, in the order of their first. */
import type { Output } from '../differential/support/case.ts'
import { hoppingSetup } from '../differential/support/window-setups.ts'
import { numbers } from '../differential/topologies/aggregates.ts'
import { hopping } from '../differential/topologies/overlapping-windows.ts'
import { input } from '../differential/topologies/stateless.ts'
import { windowsOut } from '../differential/topologies/windows.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { countOf, foldable } from './support/folds.ts'
import { hoppingModel } from './support/window-models.ts'

function countModel(): Model {
  const counts = new Map<string, { count: number; timestampMs: number }>()
  return (step) => {
    const record = foldable(step)
    if (record === null) return []
    const { key, header } = record
    const before = counts.get(key)
    const count = (before?.count ?? 0) + 1
    const timestampMs = Math.max(before?.timestampMs ?? 0, record.timestampMs)
    counts.set(key, { count, timestampMs })
    return [{ topic: 'out', key, value: String(count), timestampMs, header }]
  }
}

function lastOfEachKey(outputs: readonly Output[]): readonly Output[] {
  const last = new Map<string | null, Output>()
  for (const output of outputs) last.set(output.key, output)
  return [...last.values()]
}

compare([
  {
    name: 'a count that goes out with the commit',
    build: (b) => {
      const counted = { store: 'counts', emit: 'on-commit' } as const
      numbers(input(b).groupByKey('by-key').count('counted', counted))
    },
    model: countModel,
    inputs: { topics: ['input'] },
    inBatches: true,
    perRun: lastOfEachKey,
  },
  {
    name: 'a hopping window that goes out with the commit',
    build: (b, parameters) => {
      const counted = { store: 'windows', emit: 'on-commit' } as const
      windowsOut(hopping(b, parameters).count('counted', counted))
    },
    model: (parameters) => {
      const put = hoppingModel(parameters)
      return (record) =>
        put(record).map((output) => ({ ...output, value: countOf(output.value ?? '') }))
    },
    inputs: hoppingSetup,
    parameters: hoppingSetup.parameters ?? [],
    inBatches: true,
    perRun: lastOfEachKey,
  },
])
