/** What an instance consists of below its doors, opened in order; each part says in `cleanup` how it closes. */
import type { Clock } from '../core/clock.ts'
import type { StateBackend } from '../core/state.ts'
import type { JobRunner } from '../jobs/runs/job-runner.ts'
import type { RunRecorder } from '../jobs/runs/run-recorder.ts'
import type { Log } from '../log/log.ts'
import type { AdmissionTopic } from '../quality/admission.ts'
import { defaultLimits } from '../runtime/limits.ts'
import { singleHost, type QueryableRuntime } from '../runtime/queries/hosts.ts'
import { LocalQueries } from '../runtime/queries/local-queries.ts'
import { createRuntime, type Runtime } from '../runtime/runtime.ts'
import type { SchemaRegistry } from '../schema/schema-registry.ts'
import type { RedriveOutcome, RedriveRequest } from '../server/console/console-app.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { ClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts'
import { LocalIngest } from '../sources/ingest-records.ts'
import { MemoryBudget } from '../state/memory-budget.ts'
import { describe } from '../topology/describe.ts'
import { describeMermaid } from '../topology/describe-mermaid.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { checkStart } from './check-start.ts'
import { openBulkPace } from './bulk-imports.ts'
import type { Cleanup } from './cleanup.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import type { Configuration } from './configuration.ts'
import {
  backPressureOf,
  ownFacts,
  startFactConsumers,
  type FactConsumers,
  type FactConsumersOptions,
} from './fact-consumers.ts'
import { finishErasures } from './erase.ts'
import { followErasures } from './follow-erasures.ts'
import { cacheBytesOf, type Foundation, type MemberIdentity, type Profile } from './foundation.ts'
import { openJobs } from './jobs.ts'
import { endpointOf, membershipOf } from './membership.ts'
import { keepMaintained } from './maintenance.ts'
import { openMakeAnew } from './make-anew.ts'
import { migrationsDirectory } from './migrations-directory.ts'
import { openFoundation } from './open-foundation.ts'
import { takeOutFormerSelf, watchPeers } from './peers/watch-peers.ts'
import { openLatestQuality, type LatestQuality } from './quality/instance-quality.ts'
import { redriveEntries } from './redrive-entries.ts'
import { Replays } from './replays.ts'
import { createRunsTopic, recorderOf } from './run-records.ts'
import { sourceTopicsOf } from './source-topics.ts'
import { openCodecs, type TopicCodecs } from './topic-codecs.ts'
import { keepManifests, tellAcceptedParameters } from './topology-changes.ts'
import { databasesOf, loadTopologies, type LoadedTopology } from './topologies.ts'
import { wipedStoresTold } from './wiped-stores.ts'
import { refuseResetsUnderWay } from './resets-under-way.ts'

export interface Services {
  readonly profile: Profile
  readonly clock: Clock
  readonly log: Log
  /** As `Foundation.doorLog`. */
  readonly doorLog: Log
  readonly state: StateBackend
  readonly registry: SchemaRegistry
  readonly clickhouse: ClickHouse
  readonly topologies: readonly LoadedTopology[]
  readonly runtime: Runtime
  /** Where tasks run, and what of them is here. */
  readonly queryable: QueryableRuntime
  readonly queries: LocalQueries
  readonly member: MemberIdentity | null
  /** By topology; that of the program's own facts is `tidemark`. */
  readonly consumers: FactConsumers
  readonly ingest: LocalIngest
  readonly jobs: JobRunner
  readonly replays: Replays
  /** Settles when nothing is left of what was asked to be erased. */
  readonly erasures: Promise<void>
  readonly runs: RunRecorder
  readonly quality: LatestQuality
  /** When the door must not take more for now: the sink is behind. */
  backPressure(): { readonly retryAfterMs: number } | null
  describe(topology: string): { text: string; mermaid: string } | null
  redrive(request: RedriveRequest): Promise<RedriveOutcome>
  /** As `Foundation.trouble`. */
  trouble(): string | null
  /** For a start that has succeeded: what the next one is compared with. */
  keepManifests(): Promise<void>
  readonly failed: Promise<never>
}

/** What works is closed before what it stands on. */
export interface ServicesCleanup {
  readonly ground: Cleanup
  readonly work: Cleanup
}

export interface ServicesOptions {
  readonly clock: Clock
  readonly cleanup: ServicesCleanup
  /** A line for the operator: what a start waits for. */
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal
}

export async function openServices(
  configuration: Configuration,
  { clock, cleanup, ...told }: ServicesOptions,
): Promise<Services> {
  const topologies = await loadTopologies(configuration.topologies)
  await finishErasures(configuration, told.onProgress, told.signal)
  const graphs = topologies.map(({ graph }) => graph)
  const foundation = await openFoundation(configuration, {
    clock,
    cleanup: cleanup.ground,
    topologies,
    ...told,
  })
  const { log, doorLog, state, registry, clickhouse } = foundation
  const changes = await checkStart(configuration, foundation, graphs, clock)
  tellAcceptedParameters(changes, told.onProgress)
  const codecs = await openCodecs(topologies, registry, foundation.knowsSchema)
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const onFailure = failure.reject
  const sink = await openSink(clickhouse, clock, topologies, told)
  const parts = { sink, clock, codecs, topologies, onFailure, cleanup: cleanup.work }
  const work = await startWork(configuration, foundation, { ...parts, tell: told.onProgress })
  const endUpkeep = keepMaintained(() => foundation.maintain(graphs), clock, onFailure)
  cleanup.work.add({ name: 'upkeep', close: endUpkeep })

  const topics = admissionTopics(topologies, codecs)
  const quarantine = codecs.quarantine
  const { recordBytesMax } = configuration
  const pace = openBulkPace(configuration, { log: doorLog, clock, topologies }, cleanup.work)
  const services: Omit<Services, 'jobs' | 'erasures'> = {
    profile: foundation.profile,
    member: foundation.member,
    trouble: foundation.trouble,
    queries: new LocalQueries({
      topologies: graphs,
      log: doorLog,
      state,
      clock,
      runtime: work.queryable,
    }),
    clock,
    log,
    doorLog,
    state,
    registry,
    clickhouse,
    topologies,
    ...work,
    ingest: new LocalIngest({ topics, log: doorLog, clock, quarantine, recordBytesMax, pace }),
    describe: (name) => describeTopology(topologies, name),
    redrive: (request) => redriveEntries(request, { log: doorLog, clock, topics, quarantine }),
    keepManifests: () => keepManifests(foundation.meta, changes),
    quality: await openLatestQuality(clickhouse),
    failed: failure.promise,
  }
  const jobs = await openJobs(configuration, services, told.onProgress, cleanup.work)
  const erasures = followErasures(configuration, services, told.onProgress, cleanup.work)
  return { ...services, jobs, erasures }
}

/** With the tables there. */
async function openSink(
  clickhouse: ClickHouse,
  clock: Clock,
  topologies: readonly LoadedTopology[],
  { onProgress, signal }: Pick<ServicesOptions, 'onProgress' | 'signal'>,
): Promise<ClickHouseSink> {
  const databases = databasesOf(topologies)
  const sink = new ClickHouseSink({
    clickhouse,
    clock,
    migrationsDirectory,
    databases,
    onWait: onProgress,
  })
  await sink.setup(signal)
  return sink
}

type StartedWork = Pick<
  Services,
  'runtime' | 'queryable' | 'consumers' | 'backPressure' | 'runs' | 'replays'
>

/** The tasks first, which make the fact topics, then those who bring facts to ClickHouse. */
async function startWork(
  configuration: Configuration,
  foundation: Foundation,
  parts: SinkParts,
): Promise<StartedWork> {
  const { topologies, codecs, clock, cleanup, onFailure, tell } = parts
  const graphs = topologies.map(({ graph }) => graph)
  const topologyNames = graphs.map(({ name }) => name)
  await takeOutFormerSelf(configuration, foundation, topologyNames)
  // Again, because a reset that began since has seen nobody in the group.
  await refuseResetsUnderWay(foundation.meta, topologyNames)
  const consumers: FactConsumers = new Map()
  const backPressure = () => backPressureOf(consumers)
  const runtime = await startRuntime(configuration, {
    ...foundation,
    topologies,
    codecs,
    clock,
    backPressure,
    tell,
  })
  cleanup.add({ name: 'tasks', close: () => runtime.stop(), maxMs: tasksStopMaxMs })
  void runtime.failed.then(onFailure)
  await createRunsTopic(foundation.log)
  const epoch = await startSinks(configuration, foundation, consumers, parts)
  const queryable = queryableOf(configuration, foundation, graphs, runtime)
  const watched = { ...foundation, ...parts, topologyNames, consumers, queryable }
  cleanup.add({ name: 'the watch of peers', close: watchPeers(configuration, watched) })
  const runs = recorderOf({ ...foundation, ...parts, epoch })
  const { partitions } = configuration
  const replays = new Replays({ ...foundation, clock, graphs, partitions })
  replays.follow(tell, cleanup)
  return { runtime, queryable, consumers, backPressure, runs, replays }
}

type SinkParts = Pick<
  FactConsumersOptions,
  'sink' | 'clock' | 'codecs' | 'topologies' | 'onFailure'
> & { readonly cleanup: Cleanup; readonly tell: (line: string) => void }

/** Once the fact topics exist. */
async function startSinks(
  { sink: batches }: Configuration,
  { log, member, factEpochs, keepFactEpochs }: Foundation,
  consumers: FactConsumers,
  { cleanup, ...parts }: SinkParts,
): Promise<FactConsumersOptions['epoch']> {
  const facts = [...parts.topologies.flatMap(({ factTables }) => factTables), ...ownFacts]
  const epoch = await factEpochs(facts)
  const groupInstanceId = member?.groupInstanceId ?? null
  const keepEpochs = () => keepFactEpochs(facts, epoch)
  const makeAnew = openMakeAnew({ ...parts, keepEpochs, cleanup })
  const options = { ...parts, log, epoch, batches, groupInstanceId, makeAnew }
  await startFactConsumers(consumers, options, cleanup)
  return epoch
}

/** One process alone is its own only host. */
function queryableOf(
  configuration: Configuration,
  { member }: Foundation,
  graphs: readonly TopologyGraph[],
  runtime: Runtime,
): QueryableRuntime {
  if (member !== null) return runtime
  const self = endpointOf(configuration, { endpoint: null }) ?? ''
  return singleHost(graphs, configuration.partitions, () => self)
}

interface RuntimeParts {
  readonly member: MemberIdentity | null
  readonly endTransactionsOf: Foundation['endTransactionsOf']
  readonly topologies: readonly LoadedTopology[]
  readonly log: Log
  readonly state: StateBackend
  readonly registry: SchemaRegistry
  readonly codecs: TopicCodecs
  readonly clock: Clock
  readonly backPressure: () => { readonly retryAfterMs: number } | null
  readonly tell: (line: string) => void
}

/** A stop has ten seconds: two thirds of the time are the tasks', whose commit is under way. */
const tasksStopMaxMs = 5_500

/** A commit that the brokers do not take gives up by itself, after some thirty time-outs of a transaction at most; only
 * one that goes on for longer hangs. */
function clusterLimits({ stateCleanupDelayMs, kafka }: ClusterConfiguration) {
  const commitWaitMaxMs = Math.max(defaultLimits.commitWaitMaxMs, 30 * kafka.transactionTimeoutMs)
  return { stateCleanupDelayMs, commitWaitMaxMs }
}

async function startRuntime(configuration: Configuration, parts: RuntimeParts): Promise<Runtime> {
  const { topologies, log, state, registry, codecs, clock, backPressure, member } = parts
  const { cluster } = configuration
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
      ...(cluster === null ? {} : clusterLimits(cluster)),
    },
    ...(cluster === null || member === null
      ? {}
      : { cluster: membershipOf(configuration, cluster, member, parts.endTransactionsOf) }),
    workers: {
      count: configuration.workers,
      topologyModules: topologies.map(({ moduleUrl }) => moduleUrl),
      registry,
    },
    onStoreWiped: wipedStoresTold(parts.tell),
    pausedUntil: () => {
      const pressure = backPressure()
      return pressure === null ? null : clock.nowMs() + pressure.retryAfterMs
    },
  })
  await runtime.start()
  return runtime
}

function describeTopology(topologies: readonly LoadedTopology[], name: string) {
  const graph = topologies.find((loaded) => loaded.graph.name === name)?.graph
  return graph === undefined ? null : { text: describe(graph), mermaid: describeMermaid(graph) }
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
