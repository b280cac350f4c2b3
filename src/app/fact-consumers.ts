/** The consumers that bring facts from the log to ClickHouse: one for each topology, one for the program's own. */
import type { Clock } from '../core/clock.ts'
import type { FactTable } from '../core/fact-table.ts'
import type { Log } from '../log/log.ts'
import { runsFact } from '../jobs/runs/runs-fact.ts'
import { quarantineFact } from '../quality/quarantine.ts'
import { FactConsumer } from '../sinks/fact-consumer.ts'
import type { FactConsumerOptions } from '../sinks/fact-consumer-options.ts'
import type { Sink } from '../sinks/sink.ts'
import type { Cleanup } from './cleanup.ts'
import type { SinkConfiguration } from './configuration.ts'
import type { TopicCodecs } from './topic-codecs.ts'
import type { LoadedTopology } from './topologies.ts'

export interface FactConsumersOptions {
  readonly log: Log
  readonly sink: Sink
  readonly clock: Clock
  readonly codecs: TopicCodecs
  readonly topologies: readonly LoadedTopology[]
  readonly epoch: FactConsumerOptions['epoch']
  readonly batches: SinkConfiguration
  /** Of a static member; null where the instance is none. */
  readonly groupInstanceId: string | null
  /** As of a fact consumer. */
  readonly makeAnew: () => Promise<void>
  /** A line for the operator. */
  readonly tell: (line: string) => void
  readonly onFailure: (thrown: unknown) => void
}

/** By topology; that of the program's own facts is `tidemark`. */
export type FactConsumers = Map<string, FactConsumer>

/** Of the consumer that brings them to ClickHouse. */
export const ownFactsName = 'tidemark'
/** What was refused, and what was run. */
export const ownFacts = [quarantineFact, runsFact] as readonly FactTable[]

/** Starts them into `consumers`, which `backPressure` may ask before. */
export async function startFactConsumers(
  consumers: FactConsumers,
  options: FactConsumersOptions,
  cleanup: Cleanup,
): Promise<void> {
  const { codecs, topologies, groupInstanceId, batches, ...common } = options
  const start = async (name: string, tables: readonly FactTable[]) => {
    const facts = tables.map((fact) => ({ fact, codec: codecs.rows(fact.topic) }))
    const consumer = new FactConsumer({
      ...common,
      ...batches,
      name,
      facts,
      ...(groupInstanceId === null ? {} : { groupInstanceId }),
    })
    await consumer.start()
    consumers.set(name, consumer)
    // What the runtime still commits while it stops is left to the next start, or to another member.
    cleanup.add({ name: `facts of ${name}`, close: () => consumer.stop() })
  }
  for (const { graph, factTables } of topologies) await start(graph.name, factTables)
  await start(ownFactsName, ownFacts)
}

/** Not null while a sink is behind: whoever produces holds back so long and asks again. */
export function backPressureOf(consumers: FactConsumers): { readonly retryAfterMs: number } | null {
  for (const consumer of consumers.values()) {
    const pressure = consumer.backPressure()
    if (pressure !== null) return pressure
  }
  return null
}
