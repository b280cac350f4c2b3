/** The driver has to see what it is there to see: with a mechanism taken out, its anomaly turns up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedOfRun } from '../../integration/support/random.ts'
import { clusterForTests } from '../support/kafka-for-tests.ts'
import type { AnomalyName } from './anomalies.ts'
import { runDriver } from './driver.ts'
import { freezeInstance, killCommitting, killInstance, type Fault } from './faults.ts'
import { openStage } from './open-stage.ts'
import type { Sabotage } from './sabotage.ts'

interface Control {
  readonly sabotage: Sabotage
  readonly fault: Fault
  /** Any of these tells of it. */
  readonly anomalies: readonly AnomalyName[]
}

const controls: readonly Control[] = [
  {
    sabotage: 'no-fencing',
    fault: freezeInstance,
    anomalies: ['zombie write', 'duplicate', 'wrong content'],
  },
  // What was written and then aborted is there for certain.
  { sabotage: 'no-filter', fault: killCommitting, anomalies: ['aborted read'] },
  { sabotage: 'offsets-first', fault: killInstance, anomalies: ['lost', 'torn transaction'] },
]

/** Chance decides whether one fault strikes where it hurts; so many do not all miss. */
const faultsMax = 12

for (const { sabotage, fault, anomalies } of controls) {
  test(`with ${sabotage} the driver finds ${anomalies.join(' or ')}`, async (t) => {
    const kafka = await clusterForTests(t, {
      brokers: 1,
      proxied: true,
      overrides: { 'group.min.session.timeout.ms': 1_000 },
    })
    if (kafka === undefined) return
    const open = await openStage({ kafka, instances: 2, seed: seedOfRun(), sabotage })
    t.after(() => open.close())
    const faults = Array.from({ length: faultsMax }, () => fault)
    const report = await runDriver({ ...open, faults, tell: () => undefined })
    const { counts } = report.anomalies
    t.diagnostic(JSON.stringify(counts))
    assert.ok(
      anomalies.some((name) => counts[name] > 0),
      `none of ${anomalies.join(', ')} in ${JSON.stringify(counts)}`,
    )
  })
}
