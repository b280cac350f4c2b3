/** Models of cogroups: one aggregate for both streams, into which each goes in its own way. */
import type { Output, Parameters } from '../differential/support/case.ts'
import { setupOf } from '../differential/support/window-setups.ts'
import { cogroups } from '../differential/topologies/cogroups.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { foldable } from './support/folds.ts'
import { hoppingModel, slidingModel } from './support/window-models.ts'

const topics = ['input', 'other']

function cogroupModel(): Model {
  const rows = new Map<string, { value: string; timestampMs: number }>()
  return (step) => {
    const record = foldable(step)
    if (record === null) return []
    const { key, header } = record
    const row = rows.get(key)
    const value = `${row?.value ?? ''}${signOf(step.topic)}${record.value}`
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? 0)
    rows.set(key, { value, timestampMs })
    return [{ topic: 'out', key, value, timestampMs, header }]
  }
}

/** As of one stream whose values have their signs. */
function windowed(model: (parameters: Parameters) => Model): (parameters: Parameters) => Model {
  return (parameters) => {
    const put = model(parameters)
    return (step) => {
      const value = step.value === null ? null : signOf(step.topic) + step.value
      return put({ ...step, value }).map(withoutCommas)
    }
  }
}

function withoutCommas(output: Output): Output {
  return { ...output, value: output.value?.replaceAll(',', '') ?? null }
}

function signOf(topic: string): string {
  return topic === 'input' ? '+' : '-'
}

compare([
  { name: 'a cogroup', build: cogroups.cogroup, model: cogroupModel, inputs: { topics } },
  {
    name: 'a cogroup in tumbling windows',
    build: cogroups['cogroup-tumbling'],
    model: windowed(hoppingModel),
    inputs: { ...setupOf('tumbling'), topics },
    parameters: setupOf('tumbling').parameters ?? [],
  },
  {
    name: 'a cogroup in sliding windows',
    build: cogroups['cogroup-sliding'],
    model: windowed(slidingModel),
    inputs: { ...setupOf('sliding'), topics },
    parameters: setupOf('sliding').parameters ?? [],
    inAnyOrder: true,
  },
])
