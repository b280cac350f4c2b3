/** The driver has to see what it is there to see: with a mechanism taken out, its anomaly turns up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedOfRun } from '../../integration/support/random.ts'
import { clusterForTests } from '../support/kafka-for-tests.ts'
import type { AnomalyName } from './anomalies.ts'
import { runDriver, type DriverReport } from './driver.ts'
import { freezeInstance, killInstance, type Fault } from './faults.ts'
import { openStage } from './open-stage.ts'
import type { Sabotage } from './sabotage.ts'

type Evidence = AnomalyName | 'a row that contradicts what is committed'

interface Control {
  readonly sabotage: Sabotage
  readonly fault: Fault
  /** Any of these tells of it. */
  readonly evidence: readonly Evidence[]
}

/** Chance decides whether one fault strikes where it hurts; so many do not all miss. */
const strikes = 12

const controls: readonly Control[] = [
  {
    sabotage: 'no-fencing',
    fault: freezeInstance,
    evidence: ['zombie write', 'duplicate', 'wrong content'],
  },
  { sabotage: 'no-filter', fault: killInstance, evidence: ['aborted read'] },
  {
    sabotage: 'offsets-first',
    fault: killInstance,
    evidence: ['lost', 'torn transaction'],
  },
  {
    sabotage: 'no-filter-for-facts',
    fault: killInstance,
    evidence: ['a row that contradicts what is committed'],
  },
]

for (const { sabotage, fault, evidence } of controls) {
  test(`with ${sabotage} the driver finds ${evidence.join(' or ')}`, async (t) => {
    const kafka = await clusterForTests(t, {
      brokers: 1,
      proxied: true,
      overrides: { 'group.min.session.timeout.ms': 1_000 },
    })
    if (kafka === undefined) return
    const open = await openStage({ kafka, instances: 2, seed: seedOfRun(), sabotage })
    t.after(() => open.close())
    const faults = Array.from({ length: strikes }, () => fault)
    const report = await runDriver({ ...open, faults, tell: () => undefined })
    const counts = countsOf(report)
    t.diagnostic(JSON.stringify(counts))
    t.diagnostic(report.clickhouseMeanwhile.contradictions[0] ?? 'ClickHouse contradicts nothing')
    assert.ok(
      evidence.some((name) => counts[name] > 0),
      `none of ${evidence.join(', ')} in ${JSON.stringify(counts)}`,
    )
  })
}

function countsOf({ anomalies, clickhouseMeanwhile }: DriverReport): Record<Evidence, number> {
  return {
    ...anomalies.counts,
    'a row that contradicts what is committed': clickhouseMeanwhile.contradictions.length,
  }
}
