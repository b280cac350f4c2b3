import { joinInputs } from '../differential/support/window-setups.ts'
import { streamJoins } from '../differential/topologies/stream-joins.ts'
import { compare } from './support/compare.ts'
import { joinKinds, joinModel } from './support/stream-join-model.ts'

const parameters = [
  { differenceMs: 5, graceMs: 0 },
  { differenceMs: 5, graceMs: 5 },
  { differenceMs: 0, graceMs: 3 },
  { differenceMs: 10, graceMs: 30 },
]

/** From windows that lie before their record to such that lie after it, by all of them. */
const bounds = [-7, -2, 0, 3, 10]
const uneven = bounds.flatMap((beforeMs) =>
  bounds
    .filter((afterMs) => beforeMs + afterMs >= 0)
    .flatMap((afterMs) => [0, 5, 20].map((graceMs) => ({ beforeMs, afterMs, graceMs }))),
)

compare([
  {
    name: 'an inner join of streams',
    build: streamJoins['stream-join'],
    model: joinModel('inner'),
    inputs: joinInputs,
    parameters,
  },
  {
    name: 'a left join of streams',
    build: streamJoins['stream-left-join'],
    model: joinModel('left'),
    inputs: joinInputs,
    parameters,
  },
  {
    name: 'an outer join of streams',
    build: streamJoins['stream-outer-join'],
    model: joinModel('outer'),
    inputs: joinInputs,
    parameters,
  },
  ...joinKinds.map((kind) => ({
    name: `a join of streams that looks further to one side, ${kind},`,
    build: streamJoins[`stream-${kind}-before-and-after`],
    model: joinModel(kind),
    inputs: joinInputs,
    parameters: uneven,
  })),
])
