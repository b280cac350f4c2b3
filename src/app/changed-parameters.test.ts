/** A start with other parameters than the state was computed with: refused, and how each way out of it goes. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { adaptiveLearning } from '../../topologies/adaptive-learning.ts'
import { ManualClock } from '../core/clock.ts'
import { carryOutReset } from '../jobs/reset.ts'
import {
  defaultParameters,
  type FeatureParameters,
} from '../processors/adaptive-learning/parameters.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { readManifests, writeManifests } from './manifest-records.ts'
import { startPlace } from './start-place.test-support.ts'

const stores = ['attempts', 'places', 'learners', 'learner-topics', 'learner-items']
const clock = new ManualClock()

const mine = (change: Partial<FeatureParameters> = {}) =>
  adaptiveLearning('mine', { ...defaultParameters, version: 'v1', ...change })

const { bkt } = defaultParameters
const otherBkt = { ...bkt, known: 0.5, learn: 0.4, version: 'b2' }

async function place(context: TestContext) {
  const { meta, start, resetPlan } = await startPlace(context, clock)
  const reset = async (graph: TopologyGraph) => carryOutReset(await resetPlan(graph), () => {})
  return { meta, start, reset }
}

test('each store that the parameters decide over states them, and none of the others', () => {
  const stating = mine().stores.filter(({ parameters }) => parameters !== undefined)
  assert.deepEqual(
    stating.map(({ name }) => name as string),
    stores,
  )
})

test('other parameters are refused with both versions and both ways out; a reset is one of them', async (context) => {
  const { start, reset } = await place(context)
  const [before, now] = [mine(), mine({ version: 'v2', bkt: otherBkt })]
  await start(before)
  await start(before)
  const accept = stores.map((store) => `mine/${store}`).join(',')
  await assert.rejects(start(now), {
    code: 'PARAMETERS_CHANGED',
    message: new RegExp(
      `${stores.join(', ')}: was computed with parameters v1, and this code has v2: .*tidemark reset.*--accept ${accept}`,
    ),
  })
  assert.deepEqual(await start(before), [], 'the refused start has left nothing')
  await reset(now)
  assert.deepEqual(await start(now), [])
  await assert.rejects(start(before), { code: 'PARAMETERS_CHANGED', message: /v2, and .* has v1/ })
})

test('parameters that are agreed to are told once, and those of before are then the others', async (context) => {
  const { start } = await place(context)
  const now = mine({ version: 'v2', bkt: otherBkt })
  await start(mine())
  await assert.rejects(start(now, ['mine/attempts']), { code: 'PARAMETERS_CHANGED' })
  const [line = '', ...others] = await start(now, stores)
  assert.match(line, /^topology mine: attempts, .* rest on state that v1 has left; .*; accepted$/)
  assert.deepEqual(others, [])
  assert.deepEqual(await start(now, stores), [])
  await assert.rejects(start(mine()), { code: 'PARAMETERS_CHANGED' })
})

test('each parameter is seen, under the same version, too', async (context) => {
  const { start } = await place(context)
  await start(mine())
  const [first, ...rest] = defaultParameters.responseTimes
  assert.ok(first !== undefined)
  const changes: Partial<FeatureParameters>[] = [
    { version: 'v1a' },
    { horizonMs: 1 },
    { horizonMs: Infinity },
    { responseTimes: [{ ...first, belowMs: 7_999 }, ...rest] },
    ...Object.keys(bkt).map((name) => ({ bkt: { ...bkt, [name]: 0.3 } })),
  ]
  for (const change of changes) {
    await assert.rejects(
      start(mine(change)),
      { code: 'PARAMETERS_CHANGED' },
      JSON.stringify(change),
    )
  }
  await assert.rejects(start(mine({ horizonMs: 1 })), { message: /has others of the same version/ })
})

test('a manifest of a version that kept no parameters is taken for unchanged, once', async (context) => {
  const { meta, start } = await place(context)
  await start(mine())
  const kept = [...(await readManifests(meta)).values()]
  const earlier = JSON.parse(JSON.stringify(kept), (key, value: unknown) =>
    key === 'parameters' ? undefined : value,
  ) as typeof kept
  assert.notDeepEqual(earlier, kept)
  await writeManifests(meta, earlier)
  await start(mine({ horizonMs: 1 }))
  await assert.rejects(start(mine()), { code: 'PARAMETERS_CHANGED' })
})
