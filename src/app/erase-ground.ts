/** What erasing works on: a data directory of which nothing else has hold. */
import { systemClock, type Clock } from '../core/clock.ts'
import { present } from '../core/assert.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { Persons, type Subjects } from '../jobs/erase/subjects.ts'
import type { RunRecorder } from '../jobs/runs/run-recorder.ts'
import type { StoredLog } from '../log/stored-log.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts'
import type { Sink } from '../sinks/sink.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { ownFacts } from './fact-consumers.ts'
import type { Foundation } from './foundation.ts'
import { migrationsDirectory } from './migrations-directory.ts'
import { openFoundation } from './open-foundation.ts'
import { createRunsTopic, recorderOf } from './run-records.ts'
import { sourceTopicsOf } from './source-topics.ts'
import { openCodecs, type TopicCodecs } from './topic-codecs.ts'
import { loadTopologies, type LoadedTopology } from './topologies.ts'

export interface EraseGround {
  readonly configuration: Configuration
  readonly foundation: Foundation
  readonly log: StoredLog
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  readonly sink: Sink
  readonly codecs: TopicCodecs
  readonly topology: LoadedTopology
  /** Topics that events come in by. */
  readonly sources: ReadonlyMap<string, TopicDefinition>
  readonly epochs: Awaited<ReturnType<Foundation['factEpochs']>>
  readonly runs: RunRecorder
}

/** @throws TidemarkError DATA_DIR_IN_USE | TOPOLOGY_INVALID, and what opening throws */
export async function openEraseGround(
  configuration: Configuration,
  topologyName: string,
  cleanup: Cleanup,
  onProgress: (line: string) => void,
): Promise<EraseGround> {
  const clock = systemClock
  const topologies = await loadTopologies([topologyName])
  const topology = present(topologies[0], topologyName)
  const foundation = await openFoundation(configuration, { clock, cleanup, topologies, onProgress })
  const { clickhouse, registry, knowsSchema } = foundation
  const log = present(foundation.ownLog, 'a log of its own')
  const codecs = await openCodecs(topologies, registry, knowsSchema)
  const onWait = onProgress
  const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory, onWait })
  await sink.setup()
  await createRunsTopic(log)
  const epochs = await foundation.factEpochs([...topology.factTables, ...ownFacts])
  const runs = recorderOf({ ...foundation, sink, clock, codecs, epoch: epochs })
  const sources = sourceTopicsOf(topologies)
  const own = { log, clickhouse, clock, sink, codecs, topology, sources, epochs, runs }
  return { configuration, foundation, ...own }
}

export function personsOf(
  { sources, codecs }: Pick<EraseGround, 'sources' | 'codecs'>,
  subjects: Subjects,
): readonly Persons[] {
  return [...sources.values()].map((topic) => new Persons(topic, codecs.of(topic), subjects))
}
