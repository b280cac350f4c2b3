/** What a reset of topologies means in this configuration. */
import { systemClock, type Clock } from '../core/clock.ts'
import type { TidemarkError } from '../core/errors.ts'
import { storeName, topicName, type TopicName } from '../core/record.ts'
import {
  carryOutReset,
  planReset,
  type ResetOptions,
  type ResetPlan,
  type ResetStep,
  type ResetTopology,
} from '../jobs/reset.ts'
import type { ResetPosition } from '../jobs/reset-offsets.ts'
import { scopedStoreName } from '../runtime/scoped-state.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { Cleanup } from './cleanup.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import type { Configuration } from './configuration.ts'
import type { Foundation } from './foundation.ts'
import { openOperatorLog } from './inspect.ts'
import { forgetManifests, readManifests } from './manifest-records.ts'
import { manifestOf } from './manifest.ts'
import {
  everyonesMetaRecords,
  ownMetaRecords,
  sharedMetaRecords,
  type MetaRecords,
} from './meta-records.ts'
import { noteFactStarts } from './fact-starts.ts'
import { refusalsOfOthersTopologies } from './other-application.ts'
import { noteReplays } from './replays.ts'
import { noteResets } from './reset-records.ts'
import { noteResetsBegun, noteResetsEnded } from './resets-under-way.ts'
import { loadTopologies, type LoadedTopology } from './topologies.ts'
import { storesOf, type TopicManifest, type TopologyManifest } from '../topology/manifest.ts'
import { changelogTopic } from '../runtime/changelog.ts'
import { earlierCheckpointsStore } from '../runtime/positions-store.ts'

export interface ResetRequest {
  readonly position: ResetPosition
  readonly withFacts: boolean
  readonly force: boolean
  readonly dryRun: boolean
  readonly onStep: (step: Pick<ResetStep, 'topology' | 'what'>) => void
  /** Of a dry run: what the reset itself would end with. */
  readonly onRefusal: (refusal: TidemarkError) => void
  readonly clock?: Clock
}

/** Tells each step before it is done; a dry run only tells, and is not refused for members that live.
 * @throws TidemarkError GROUP_ACTIVE | DATA_DIR_IN_USE | CONFIGURATION_INVALID */
export async function resetTopologies(
  configuration: Configuration,
  request: ResetRequest,
): Promise<void> {
  const cleanup = new Cleanup({ clock: request.clock ?? systemClock })
  try {
    const topologies = await loadTopologies(configuration.topologies)
    const { cluster } = configuration
    const plan =
      cluster === null
        ? await embeddedPlan(configuration, topologies, request, cleanup)
        : await clusterPlan(configuration, cluster, topologies, request, cleanup)
    if (request.dryRun) {
      plan.steps.forEach(request.onStep)
      plan.refusals.forEach(request.onRefusal)
    } else await carryOutReset(plan, request.onStep)
  } finally {
    await cleanup.run()
  }
}

async function embeddedPlan(
  { dataDir, partitions }: Configuration,
  topologies: readonly LoadedTopology[],
  { clock = systemClock, ...request }: ResetRequest,
  cleanup: Cleanup,
): Promise<ResetPlan> {
  const storage = await openStorage({ directory: dataDir, clock })
  cleanup.add({ name: 'log and state', close: () => storage.close() })
  return await ownResetPlan({ ...storage, meta: ownMetaRecords(dataDir) }, topologies, {
    ...request,
    partitions,
    clock,
  })
}

/** Where log and state are this process's own. */
export async function ownResetPlan(
  { log, state, meta }: Pick<Foundation, 'log' | 'state' | 'meta'>,
  topologies: readonly LoadedTopology[],
  {
    partitions,
    clock,
    ...asked
  }: Pick<ResetRequest, 'position' | 'withFacts' | 'force'> & {
    readonly partitions: number
    readonly clock: Clock
  },
): Promise<ResetPlan> {
  const manifests = await readManifests(meta)
  const { steps, refusals } = await planReset({
    log,
    admin: null,
    state,
    topologies: topologies.map((loaded) =>
      resetTopology(loaded, partitions, false, manifests.get(loaded.graph.name)),
    ),
    ...asked,
  })
  const graphs = graphsOf(topologies)
  const names = graphs.map(({ name }) => name)
  const replays = replaySteps(meta, names, clock, asked)
  const all = withMarks([...steps, ...forgetSteps(meta, graphs)], meta, names, clock)
  return { steps: [...replays, ...all], refusals }
}

async function clusterPlan(
  { partitions }: Configuration,
  cluster: ClusterConfiguration,
  topologies: readonly LoadedTopology[],
  { position, withFacts, force, clock = systemClock }: ResetRequest,
  cleanup: Cleanup,
): Promise<ResetPlan> {
  const log = await openOperatorLog(cluster, clock)
  cleanup.add({ name: 'Kafka', close: () => log.close() })
  const meta = sharedMetaRecords(log, log, clock, cluster.applicationId)
  const manifests = await readManifests(meta)
  const scopes = topologies.map((loaded) =>
    resetTopology(loaded, partitions, true, manifests.get(loaded.graph.name)),
  )
  const metas = await everyonesMetaRecords(log, log, clock)
  const names = graphsOf(topologies).map(({ name }) => name)
  const unknown = new Set(names.filter((name) => !manifests.has(name)))
  const { applicationId } = cluster
  const others = await refusalsOfOthersTopologies({ unknown, applicationId, metas })
  const asked: ResetOptions = {
    log,
    admin: log,
    // Each instance throws its own away when it starts.
    state: null,
    topologies: scopes,
    position,
    withFacts,
    force,
  }
  const { steps, refusals } = await planReset(asked)
  const look: ResetStep = {
    topology: names.join(','),
    what: 'look once more that nobody has joined since',
    run: async () => {
      const [refusal] = (await planReset(asked)).refusals
      if (refusal === undefined) return
      await noteResetsEnded(meta, names)
      throw refusal
    },
  }
  const note: ResetStep = {
    topology: names.join(','),
    what: 'tell the instances to throw their local state away when they start',
    run: () => noteResets(meta, names, clock.nowMs()),
  }
  const existing = new Set(await log.topicNames())
  const starts = scopes.flatMap(({ name, factChangelogs }) => {
    const kept = withFacts ? [] : factChangelogs.filter((topic) => existing.has(topic))
    if (kept.length === 0) return []
    const what = `have the state in ${kept.join(', ')} begin behind what is there`
    return [{ topology: name, what, run: () => noteFactStarts(meta, log, name, kept) }]
  })
  const forget = forgetSteps(meta, graphsOf(topologies))
  // First: a topic that is gone while an instance still trusts its state would be the worse half.
  const noted = [...replaySteps(meta, names, clock, { position, withFacts }), note]
  const all = withMarks([look, ...steps, ...starts, ...forget], meta, names, clock)
  return { steps: [...noted, ...all], refusals: [...others, ...refusals] }
}

/** Between the first and the last of them nothing starts. */
function withMarks(
  steps: readonly ResetStep[],
  meta: MetaRecords,
  names: readonly string[],
  clock: Clock,
): readonly ResetStep[] {
  const topology = names.join(',')
  const begin: ResetStep = {
    topology,
    what: 'note that a reset has begun: no start until it has ended',
    run: () => noteResetsBegun(meta, names, clock.nowMs()),
  }
  const end: ResetStep = {
    topology,
    what: 'note that the reset has ended',
    run: () => noteResetsEnded(meta, names),
  }
  return [begin, ...steps, end]
}

/** Before anything is changed. Facts that stay, of events that are not read again, are known since when they were. */
function replaySteps(
  meta: MetaRecords,
  names: readonly string[],
  clock: Clock,
  { position, withFacts }: Pick<ResetRequest, 'position' | 'withFacts'>,
): readonly ResetStep[] {
  if (position.kind === 'latest' && !withFacts) return []
  const what = 'note that rows are computed anew: what was known before is known no more'
  const run = () => noteReplays(meta, names, clock.nowMs())
  return [{ topology: names.join(','), what, run }]
}

function graphsOf(topologies: readonly LoadedTopology[]): readonly TopologyGraph[] {
  return topologies.map(({ graph }) => graph)
}

function forgetSteps(meta: MetaRecords, graphs: readonly TopologyGraph[]): readonly ResetStep[] {
  return graphs.map(({ name }) => ({
    topology: name,
    what: 'forget what ran there: the next start begins anew',
    run: () => forgetManifests(meta, [name]),
  }))
}

export interface ResetScope extends ResetTopology {
  /** Those of its facts that are changelogs. */
  readonly factChangelogs: readonly TopicName[]
}

/** What the code has, and what an earlier code had left. */
export function resetTopology(
  { graph, factTables }: LoadedTopology,
  defaultPartitionCount: number,
  withChangelogs: boolean,
  before: TopologyManifest | undefined,
): ResetScope {
  const now = manifestOf(graph, { defaultPartitionCount, withChangelogs })
  const all = before === undefined ? [now] : [now, before]
  const facts = new Set<string>(factTables.map(({ topic }) => topic.name))
  const topicsOf = (role: TopicManifest['role']) =>
    new Set(
      all
        .flatMap(({ topics }) => topics.filter((each) => each.role === role))
        .map(({ name }) => name),
    )
  const kept = new Set(all.flatMap(storesOf).map(({ changelog }) => changelog))
  const factChangelogs = new Set([...topicsOf('sink')].filter((name) => kept.has(name)))
  const grouped = new Set(now.subTopologies.flatMap(({ sources }) => sources))
  const returned = new Set([
    ...storesOf(before ?? null).map(({ name }) => name),
    ...(before?.accepted ?? []),
  ])
  const orphaned = withChangelogs
    ? [...returned].map((name) => changelogTopic(graph.name, storeName(name)))
    : []
  return {
    name: graph.name,
    inputs: [...topicsOf('source')].filter((name) => grouped.has(name)).map(topicName),
    repartitions: [...topicsOf('repartition')].map(topicName),
    changelogs: [...new Set([...[...topicsOf('changelog')].map(topicName), ...orphaned])],
    facts: [...facts.union(factChangelogs)].map(topicName),
    factChangelogs: [...factChangelogs].map(topicName),
    stores: storesToEmpty(graph.name, all),
  }
}

function storesToEmpty(
  topology: string,
  manifests: readonly TopologyManifest[],
): ResetTopology['stores'] {
  const stores = new Map<string, ResetTopology['stores'][number]>()
  for (const { subTopologies, accepted } of manifests) {
    let partitionsMax = 1
    for (const { index, partitionCount, stores: own } of subTopologies) {
      partitionsMax = Math.max(partitionsMax, partitionCount)
      for (const name of [...own.map((store) => store.name), earlierCheckpointsStore(index)]) {
        stores.set(name, { name: scopedStoreName(topology, storeName(name)), partitionCount })
      }
    }
    for (const name of accepted) {
      const scoped = scopedStoreName(topology, storeName(name))
      stores.set(name, { name: scoped, partitionCount: partitionsMax })
    }
  }
  return [...stores.values()]
}
