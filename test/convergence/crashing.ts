/** One delivery of a case through the test driver, with what reached quarantine; with crashes where they are asked for. */
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import type { Subject } from './deliver.ts'
import type { Delivery } from './scenario.ts'

type Quarantined = Awaited<ReturnType<TopologyTestDriver['readQuarantine']>>

export interface Delivered {
  /** Of each table the latest record of each key. */
  readonly tables: Readonly<Record<string, unknown>>
  readonly quarantine: Quarantined
}

/** Where it crashes, each task starts again from its last commit after each event. */
export async function deliverThroughCrashes(
  { graph, factTables }: Subject,
  { events, partitionCount, batchRecords }: Delivery,
  crashes: boolean,
): Promise<Delivered> {
  const options = { partitionCount, batchRecordsMax: batchRecords }
  const driver = await TopologyTestDriver.open(graph, options)
  const topics = new Map(
    graph.nodes.flatMap((node) =>
      node.kind === 'source' ? [[node.topic.name as string, node.topic] as const] : [],
    ),
  )
  try {
    for (const { topic, value, timestampMs } of events) {
      await driver.send(topics.get(topic)!, [{ value, timestampMs }])
      await driver.run(crashes ? 1 : Infinity)
      if (crashes) await driver.restart()
    }
    await driver.run()
    const tables: Record<string, unknown> = {}
    for (const { table, topic } of factTables) tables[table] = await driver.readLatest(topic)
    return { tables, quarantine: await driver.readQuarantine() }
  } finally {
    await driver.close()
  }
}
