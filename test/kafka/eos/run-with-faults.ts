/** A run of the driver on three brokers, and what has to be true of it. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Random, seedOfRun } from '../../integration/support/random.ts'
import { readByConsole } from '../support/console-consumer.ts'
import { clusterForTests } from '../support/kafka-for-tests.ts'
import { anomalyNames } from './anomalies.ts'
import { runDriver, type DriverReport } from './driver.ts'
import { faultPlan, faults } from './faults.ts'
import { entries } from './ledger-topology.ts'
import { openStage, type StageOptions } from './open-stage.ts'
import { sourceOf } from './replay.ts'

export interface RunOptions extends Pick<StageOptions, 'isStatic' | 'protocolMax'> {
  /** Each has every fault once. */
  readonly rounds: number
}

export async function runWithFaults(t: TestContext, options: RunOptions): Promise<void> {
  const { rounds, ...variant } = options
  const kafka = await clusterForTests(t, {
    brokers: 3,
    proxied: true,
    overrides: { 'group.min.session.timeout.ms': 1_000 },
  })
  if (kafka === undefined) return
  const seed = seedOfRun()
  t.diagnostic(`TIDEMARK_TEST_SEED=${seed} repeats the faults`)
  const random = new Random(seed)
  const open = await openStage({ kafka, instances: 3, seed, ...variant })
  try {
    const report = await runDriver({
      ...open,
      faults: faultPlan(rounds, (values) => random.shuffled(values)),
      tell: (line) => {
        t.diagnostic(line)
      },
    })
    check(t, report, rounds)
    await checkReader(kafka.bootstrapServers, report)
  } catch (thrown) {
    for (const { id, output } of open.stage.instances.map((one) => ({
      id: one.id,
      output: one.output(),
    }))) {
      t.diagnostic(`${id}: ${output}`)
    }
    throw thrown
  } finally {
    await open.close()
  }
}

function check(t: TestContext, report: DriverReport, rounds: number): void {
  const { anomalies, clickhouse, clickhouseMeanwhile, struck, deposits, unwantedEnds } = report
  const found = anomalyNames.map((name) => `${name} ${anomalies.counts[name]}`).join(', ')
  t.diagnostic(`${deposits} deposits, ${struck.length} faults: ${found}`)
  const { looks, rowsCompared, missed, contradictions } = clickhouseMeanwhile
  t.diagnostic(
    `ClickHouse meanwhile: ${looks} looks, ${rowsCompared} rows compared, ${missed} looks missed`,
  )
  assert.deepEqual(contradictions, [])
  assert.ok(looks >= struck.length, `${looks} looks at ClickHouse in ${struck.length} faults`)
  assert.equal(struck.length, rounds * faults.length)
  t.diagnostic(`${report.abortedRecords} entries were written and aborted`)
  assert.ok(report.abortedRecords > 0, 'there was something that must not be read')
  assert.deepEqual(anomalies.examples, [])
  for (const name of anomalyNames) assert.equal(anomalies.counts[name], 0, name)
  assert.deepEqual(clickhouse, [])
  assert.equal(unwantedEnds, 0, 'no instance ends by itself')
}

/** Our reader told what is committed; Kafka's own tells the same. */
async function checkReader(
  bootstrapServers: string,
  { entriesAt, deposits }: DriverReport,
): Promise<void> {
  const seen = await readByConsole(bootstrapServers, entries.name, 'read_committed', deposits)
  const byPlace = (left: string, right: string) => (left < right ? -1 : 1)
  assert.deepEqual(
    seen.map(({ partition, offset }) => sourceOf(partition, offset)).sort(byPlace),
    [...entriesAt].sort(byPlace),
  )
}
