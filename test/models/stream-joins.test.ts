import { joinInputs } from '../differential/support/window-setups.ts'
import { streamJoins } from '../differential/topologies/stream-joins.ts'
import { compare } from './support/compare.ts'
import { joinModel } from './support/stream-join-model.ts'

const parameters = [
  { differenceMs: 5, graceMs: 0 },
  { differenceMs: 5, graceMs: 5 },
  { differenceMs: 0, graceMs: 3 },
  { differenceMs: 10, graceMs: 30 },
]

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
  {
    name: 'a join of streams that looks further back than ahead',
    build: streamJoins['stream-join-before-and-after'],
    model: joinModel('inner'),
    inputs: joinInputs,
    parameters: [
      { beforeMs: 10, afterMs: 0, graceMs: 0 },
      { beforeMs: 3, afterMs: 7, graceMs: 5 },
    ],
  },
])
