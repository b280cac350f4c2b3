import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random, seedOfRun } from '../../integration/support/random.ts'
import { clusterForTests } from '../support/kafka-for-tests.ts'
import { anomalyNames } from './anomalies.ts'
import { runDriver } from './driver.ts'
import { faultPlan, faults } from './faults.ts'
import { openStage } from './open-stage.ts'

const rounds = Number(process.env['TIDEMARK_EOS_ROUNDS'] ?? 5)

test('what is committed follows from each deposit exactly once, in Kafka and in ClickHouse, whatever strikes', async (t) => {
  const kafka = await clusterForTests(t, {
    brokers: 3,
    proxied: true,
    overrides: { 'group.min.session.timeout.ms': 1_000 },
  })
  if (kafka === undefined) return
  const seed = seedOfRun()
  t.diagnostic(`TIDEMARK_TEST_SEED=${seed} repeats the faults`)
  const random = new Random(seed)
  const open = await openStage({ kafka, instances: 3, seed })
  t.after(() => open.close())
  const plan = faultPlan(rounds, (values) => random.shuffled(values))
  let report
  try {
    report = await runDriver({
      ...open,
      faults: plan,
      tell: (line) => {
        t.diagnostic(line)
      },
    })
  } catch (thrown) {
    for (const instance of open.stage.instances)
      t.diagnostic(`${instance.id}: ${instance.output()}`)
    throw thrown
  }
  const { anomalies, clickhouse, struck, deposits } = report
  const found = anomalyNames.map((name) => `${name} ${anomalies.counts[name]}`).join(', ')
  t.diagnostic(`${deposits} deposits, ${struck.length} faults: ${found}`)
  assert.equal(struck.length, rounds * faults.length)
  assert.deepEqual(anomalies.examples, [])
  for (const name of anomalyNames) assert.equal(anomalies.counts[name], 0, name)
  assert.deepEqual(clickhouse, [])
})
