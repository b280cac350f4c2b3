import { limitSetup, setupOf } from '../differential/support/window-setups.ts'
import { finalResults } from '../differential/topologies/final-results.ts'
import { compare } from './support/compare.ts'
import type { Comparison } from './support/compare.ts'
import { finalModels, limitModel, tableLimitModel } from './support/final-models.ts'

compare([
  ...Object.entries(finalModels).map(([name, model]): Comparison => {
    const setup = setupOf(name)
    const build = finalResults[name as keyof typeof finalResults]
    const inBatches = name.endsWith('suppressed')
    return { name, build, model, inputs: setup, parameters: setup.parameters ?? [], inBatches }
  }),
  {
    name: 'count-suppressed',
    build: finalResults['count-suppressed'],
    model: limitModel,
    inputs: limitSetup,
    parameters: limitSetup.parameters ?? [],
  },
  {
    name: 'table-suppressed',
    build: finalResults['table-suppressed'],
    model: tableLimitModel,
    inputs: { ...limitSetup, topics: ['table'] },
    parameters: limitSetup.parameters ?? [],
  },
])
