/** Windows whose values go out with every record. */
import {
  hoppingSetup,
  sessionSetup,
  slidingSetup,
  tumblingSetup,
} from '../differential/support/window-setups.ts'
import { overlappingWindows } from '../differential/topologies/overlapping-windows.ts'
import { windows } from '../differential/topologies/windows.ts'
import { compare } from './support/compare.ts'
import { hoppingModel, sessionModel, slidingModel } from './support/window-models.ts'

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
  {
    name: 'a session',
    build: windows['session-reduce'],
    model: sessionModel,
    inputs: sessionSetup,
    parameters: sessionSetup.parameters ?? [],
    inBatches: true,
  },
])
