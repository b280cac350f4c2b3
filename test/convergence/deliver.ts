/** One delivery of a case through the test driver, to the rows that readers would see. */
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import { openTestCodecs } from '../../src/testing/test-codecs.ts'
import type { CodecFactory } from '../../src/runtime/codecs.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import type { FactTable } from '../../src/core/fact-table.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import type { Delivery, SourceEvent } from './scenario.ts'

export type Rows = Readonly<Record<string, unknown>>[]
/** By table, in the order of the keys' bytes; without what says when a row was computed. */
export type Tables = Readonly<Record<string, Rows>>

export interface Subject {
  readonly graph: TopologyGraph
  readonly factTables: readonly FactTable[]
}

/** @param wallClockMs as long as it runs; 0 where it is absent */
export type Deliver = (delivery: Delivery, wallClockMs?: number) => Promise<Tables>

/** Codecs are made once: cases are many and short. */
export async function delivering({ graph, factTables }: Subject): Promise<Deliver> {
  const codecs: CodecFactory = await openTestCodecs(graph)
  const topics = new Map<string, TopicDefinition>()
  for (const node of graph.nodes) {
    if (node.kind === 'source') topics.set(node.topic.name, node.topic)
  }
  return async ({ events, partitionCount, batchRecords, runAfter }, wallClockMs = 0) => {
    const driver = await TopologyTestDriver.open(graph, {
      partitionCount,
      batchRecordsMax: batchRecords,
      wallClockMs,
      codecs,
    })
    try {
      for (const [index, event] of events.entries()) {
        await send(driver, topics, event)
        if (runAfter.includes(index)) await driver.run()
      }
      await driver.run()
      const tables: Record<string, Rows> = {}
      for (const fact of factTables) tables[fact.table] = await currentRows(driver, fact)
      return tables
    } finally {
      await driver.close()
    }
  }
}

async function send(
  driver: TopologyTestDriver,
  topics: ReadonlyMap<string, TopicDefinition>,
  { topic, value, timestampMs }: SourceEvent,
): Promise<void> {
  const definition = topics.get(topic)
  if (definition === undefined) throw new Error(`the topology has no topic ${topic}`)
  await driver.send(definition, [{ value, timestampMs }])
}

/** What ReplacingMergeTree keeps: of each key the version with the greatest offset. */
async function currentRows(driver: TopologyTestDriver, fact: FactTable): Promise<Rows> {
  const current = new Map<string, Readonly<Record<string, unknown>>>()
  for (const { key, value } of await driver.read(fact.topic)) {
    const id = JSON.stringify(key)
    if (value === null) current.delete(id)
    else {
      const { known_at: _, ...row } = value as Record<string, unknown>
      current.set(id, row)
    }
  }
  return [...current].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}
