/** What an instance consists of below its doors, opened in order; each part says in `cleanup` how it closes. */
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import type { AdmissionTopic } from '../quality/admission.ts'
import { entryBytesMax } from '../quality/quarantine.ts'
import { createRuntime, type Runtime } from '../runtime/runtime.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import type { SchemaRegistry } from '../schema/schema-registry.ts'
import type { RedriveOutcome, RedriveRequest } from '../server/console/console-app.ts'
import { topicRegistryStorage } from '../server/registry/topic-registry-storage.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts'
import { openClickHouse } from '../sinks/clickhouse/open-clickhouse.ts'
import { LocalIngest } from '../sources/ingest-records.ts'
import { MemoryBudget } from '../state/memory-budget.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import { describe } from '../topology/describe.ts'
import { describeMermaid } from '../topology/describe-mermaid.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { backPressureOf, startFactConsumers, type FactConsumers } from './fact-consumers.ts'
import { factEpoch } from './fact-epoch.ts'
import { keepMaintained } from './maintenance.ts'
import { redriveEntries } from './redrive-entries.ts'
import { sourceTopicsOf } from './source-topics.ts'
import { openCodecs, type TopicCodecs } from './topic-codecs.ts'
import { loadTopologies, type LoadedTopology } from './topologies.ts'

export interface Services {
  readonly clock: Clock
  readonly log: Log
  readonly state: StateBackend
  readonly registry: SchemaRegistry
  readonly clickhouse: ClickHouse
  readonly topologies: readonly LoadedTopology[]
  readonly runtime: Runtime
  /** By topology; the quarantine's is `tidemark`. */
  readonly consumers: FactConsumers
  readonly ingest: LocalIngest
  /** When the door must not take more for now: the sink is behind. */
  backPressure(): { readonly retryAfterMs: number } | null
  describe(topology: string): { text: string; mermaid: string } | null
  redrive(request: RedriveRequest): Promise<RedriveOutcome>
  readonly failed: Promise<never>
}

const migrationsDirectory = new URL('../../schemas/clickhouse/', import.meta.url).pathname

export async function openServices(
  configuration: Configuration,
  clock: Clock,
  cleanup: Cleanup,
): Promise<Services> {
  const topologies = await loadTopologies(configuration.topologies)
  const { log, state } = await open(configuration, clock, cleanup)
  const registry = await LocalSchemaRegistry.open(await topicRegistryStorage(log, clock))
  const codecs = await openCodecs(topologies, registry)
  const clickhouse = await openClickHouse({ path: join(configuration.dataDir, 'clickhouse') })
  cleanup.add(() => clickhouse.close())

  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory })
  await sink.setup()
  const epoch = await factEpoch(state, clickhouse)
  const consumers: FactConsumers = new Map()
  const backPressure = () => backPressureOf(consumers)
  const runtime = await startRuntime(configuration, {
    topologies,
    log,
    state,
    registry,
    codecs,
    clock,
    backPressure,
  })
  cleanup.add(() => runtime.stop())
  void runtime.failed.then(failure.reject)

  const onFailure = failure.reject
  await startFactConsumers(
    consumers,
    { log, sink, clock, codecs, topologies, epoch, onFailure },
    cleanup,
  )
  const graphs = topologies.map(({ graph }) => graph)
  cleanup.add(keepMaintained(log, graphs, clock, failure.reject))

  const topics = admissionTopics(topologies, codecs)
  const quarantine = codecs.quarantine
  const { recordBytesMax } = configuration
  return {
    clock,
    log,
    state,
    registry,
    clickhouse,
    topologies,
    runtime,
    consumers,
    ingest: new LocalIngest({ topics, log, clock, quarantine, recordBytesMax }),
    backPressure,
    describe: (name) => describeTopology(topologies, name),
    redrive: (request) => redriveEntries(request, { log, clock, topics, quarantine }),
    failed: failure.promise,
  }
}

interface RuntimeParts {
  readonly topologies: readonly LoadedTopology[]
  readonly log: Log
  readonly state: StateBackend
  readonly registry: SchemaRegistry
  readonly codecs: TopicCodecs
  readonly clock: Clock
  readonly backPressure: () => { readonly retryAfterMs: number } | null
}

async function startRuntime(configuration: Configuration, parts: RuntimeParts): Promise<Runtime> {
  const { topologies, log, state, registry, codecs, clock, backPressure } = parts
  const runtime = createRuntime({
    topologies: topologies.map(({ graph }) => graph),
    log,
    state,
    budget: new MemoryBudget(cacheBytesOf(configuration), 'memoryBudgetBytes'),
    codecs: (topic) => codecs.of(topic),
    clock,
    limits: {
      commitIntervalMs: configuration.commitIntervalMs,
      defaultPartitionCount: configuration.partitions,
    },
    workers: {
      count: configuration.workers,
      topologyModules: topologies.map(({ moduleUrl }) => moduleUrl),
      registry,
    },
    pausedUntil: () => {
      const pressure = backPressure()
      return pressure === null ? null : clock.nowMs() + pressure.retryAfterMs
    },
  })
  await runtime.start()
  return runtime
}

async function open(configuration: Configuration, clock: Clock, cleanup: Cleanup) {
  const storage = await openStorage({
    directory: configuration.dataDir,
    clock,
    durability: configuration.durability,
    memoryBudgetBytes: configuration.memoryBudgetBytes - cacheBytesOf(configuration),
    // The doors hold records to recordBytesMax; the log takes them in quarantine too.
    recordBytesMax: entryBytesMax(configuration.recordBytesMax),
  })
  cleanup.add(() => storage.close())
  return storage
}

function describeTopology(topologies: readonly LoadedTopology[], name: string) {
  const graph = topologies.find((loaded) => loaded.graph.name === name)?.graph
  return graph === undefined ? null : { text: describe(graph), mermaid: describeMermaid(graph) }
}

/** Of the one budget, what the stores' caches of decoded values get; the rest is RocksDB's. */
function cacheBytesOf({ memoryBudgetBytes }: Configuration): number {
  return Math.floor(memoryBudgetBytes / 3)
}

/** The topics that take events from outside. */
function admissionTopics(
  topologies: readonly LoadedTopology[],
  codecs: TopicCodecs,
): ReadonlyMap<string, AdmissionTopic> {
  const topics = new Map<string, AdmissionTopic>()
  for (const [name, definition] of sourceTopicsOf(topologies)) {
    topics.set(name, { definition, codec: codecs.of(definition) })
  }
  return topics
}
