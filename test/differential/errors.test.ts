import { differ } from './support/differ.ts'
import type { Setup } from './support/differ.ts'
import { tumblingSetup } from './support/window-setups.ts'
import { errors } from './topologies/errors.ts'

const errorPolicies = { onError: 'skip' } as const

differ(Object.entries(errors).map(([name, build]) => ({ name, build, setup: setupOf(name) })))

function setupOf(name: string): Setup {
  if (name === 'errors-tumbling') return { ...tumblingSetup, errorPolicies }
  if (name !== 'errors-join') return { topics: ['input'], errorPolicies, inBatches: true }
  return { topics: ['input', 'table'], rules: ['tables-by-event-time'], errorPolicies }
}
