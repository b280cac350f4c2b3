/** The tables of topologies in ClickHouse, made again from their fact topics. */
import { systemClock } from '../core/clock.ts'
import { ClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts'
import {
  rebuildFacts,
  type RebuildProgress,
  type RebuiltTable,
} from '../sinks/clickhouse/rebuild-facts.ts'
import { epochOf } from '../sinks/fact-rows.ts'
import { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { ownFacts } from './fact-consumers.ts'
import { createRunsTopic, recorderOf } from './run-records.ts'
import { migrationsDirectory } from './migrations-directory.ts'
import { openFoundation } from './open-foundation.ts'
import { openCodecs } from './topic-codecs.ts'
import { loadTopologies } from './topologies.ts'

export interface RebuildRequest {
  readonly onProgress: (progress: RebuildProgress) => void
  readonly onWait: (line: string) => void
  readonly signal: AbortSignal
}

/** Readers see each table as it was until it is whole again.
 * @throws TidemarkError DATA_DIR_IN_USE where an instance has the directory, and what opening and rebuilding throw */
export async function rebuildTables(
  configuration: Configuration,
  { onProgress, onWait, signal }: RebuildRequest,
): Promise<readonly RebuiltTable[]> {
  const clock = systemClock
  const cleanup = new Cleanup({ clock, onOverdue: onWait })
  try {
    const topologies = await loadTopologies(configuration.topologies)
    const foundation = await openFoundation(configuration, {
      clock,
      cleanup,
      topologies,
      onProgress: onWait,
    })
    const { log, clickhouse, registry, knowsSchema, member } = foundation
    const codecs = await openCodecs(topologies, registry, knowsSchema)
    const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory, onWait })
    await sink.setup()
    const tables = topologies.flatMap(({ factTables }) => factTables)
    await createRunsTopic(log)
    const epochs = await foundation.factEpochs([...tables, ...ownFacts])
    const runs = recorderOf({ log, sink, clock, codecs, member, epoch: epochs })
    const facts = tables.map((fact) => ({ fact, codec: codecs.rows(fact.topic) }))
    const rebuild = () =>
      rebuildFacts({
        log,
        sink,
        clickhouse,
        clock,
        facts,
        epochOf: (topic) => epochOf(epochs, topic),
        onProgress,
        onWait,
        signal,
      })
    let rebuilt: readonly RebuiltTable[] = []
    await runs.record('rebuild', { topologies: configuration.topologies }, signal, async () => {
      rebuilt = await rebuild()
      return { tables: rebuilt.map(({ table, rows }) => ({ ...table, rows })) }
    })
    return rebuilt
  } finally {
    await cleanup.run()
  }
}
