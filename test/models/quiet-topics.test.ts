/** What waits for stream time goes out on a quiet topic too, by the wall clock. */
import { present } from '../../src/core/assert.ts'
import { joinInputs, limitSetup, setupOf } from '../differential/support/window-setups.ts'
import { finalResults } from '../differential/topologies/final-results.ts'
import { streamJoins } from '../differential/topologies/stream-joins.ts'
import { compare } from './support/compare.ts'
import type { Comparison } from './support/compare.ts'
import { finalModels, limitModel, tableLimitModel } from './support/final-models.ts'
import { joinModel } from './support/stream-join-model.ts'

const idleAfterMs = 5
const advances = [1, 4, 5, 6, 20, 100]
const onQuiet = (name: string) => `${name} on a quiet topic`

compare([
  ...(['tumbling-on-close', 'tumbling-suppressed', 'session-suppressed'] as const).map(
    (name): Comparison => {
      const inputs = { ...setupOf(name), advances }
      const model = present(finalModels[name], `the model of ${name}`)
      const { parameters = [] } = inputs
      return {
        name: onQuiet(name),
        build: finalResults[name],
        model,
        inputs,
        parameters,
        idleAfterMs,
      }
    },
  ),
  {
    name: onQuiet('count-suppressed'),
    build: finalResults['count-suppressed'],
    model: limitModel,
    inputs: { ...limitSetup, advances },
    parameters: limitSetup.parameters ?? [],
    idleAfterMs,
  },
  {
    name: onQuiet('table-suppressed'),
    build: finalResults['table-suppressed'],
    model: tableLimitModel,
    inputs: { ...limitSetup, topics: ['table'], advances },
    parameters: limitSetup.parameters ?? [],
    idleAfterMs,
  },
  {
    name: onQuiet('an outer join of streams'),
    build: streamJoins['stream-outer-join'],
    model: joinModel('outer'),
    inputs: { ...joinInputs, advances },
    parameters: [
      { differenceMs: 5, graceMs: 0 },
      { differenceMs: 5, graceMs: 5 },
    ],
    idleAfterMs,
  },
])
