/**
 * The names that are made of a topology's: of its internal topics, its groups, and its stores where the state lies. Each
 * is put together of two names, so that two pairs can make one: topology `shop` with store `a-b` and topology `shop-a` with
 * store `b` both have the changelog `shop-a-b-changelog`, and would restore from each other's records. The names are a
 * contract with what is installed, so such topologies are refused instead.
 */
import { TidemarkError } from '../core/errors.ts'
import { storeName, type StoreName } from '../core/record.ts'
import { runsFact } from '../jobs/runs/runs-fact.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import { changelogStores, changelogTopic } from '../runtime/changelog.ts'
import { broadcastPositionsStore } from '../runtime/positions-store.ts'
import { scopedStoreName } from '../runtime/scoped-state.ts'
import { compileTaskGraph } from '../runtime/task-graph.ts'
import { rebuiltGroup } from '../sinks/rebuilt-facts.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import type { GraphNode, TopologyGraph } from '../topology/graph.ts'
import { storesOf, type TopologyManifest } from '../topology/manifest.ts'

type Kind = 'topic' | 'group' | 'store'

interface Use {
  readonly kind: Kind
  readonly name: string
  /** What it is, and whose. */
  readonly what: string
  /** False where the name is as its author wrote it: a topic that others may use, too. */
  readonly isDerived: boolean
}

const remedies: Readonly<Record<Kind, string>> = {
  topic: 'rename one of the stores, topics or topologies',
  group: 'rename one of the topologies',
  store: 'rename one of the stores or topologies',
}

/** Names that two of these topologies, which run together, would share, or that are two things in one of them. */
export function sharedNameFaults(graphs: readonly TopologyGraph[]): string[] {
  return faultsOf([...graphs.flatMap(usesOf), ...programUses])
}

/** @throws TidemarkError TOPOLOGY_INVALID where a topology that has not run yet would take names of one that has, and
 * that this instance does not run. Of two that have both run nothing is said: what they share they share already. */
export function refuseTakenNames(
  graphs: readonly TopologyGraph[],
  manifests: ReadonlyMap<string, TopologyManifest>,
): void {
  const own = new Set(graphs.map(({ name }) => name))
  const others = [...manifests.values()].filter(({ topology }) => !own.has(topology))
  const unknown = graphs.filter(({ name }) => !manifests.has(name))
  const faults = unknown.flatMap((graph) => {
    const uses = usesOf(graph)
    return others.flatMap((manifest) => faultsOf([...uses, ...rememberedUsesOf(manifest)]))
  })
  if (faults.length > 0) throw new TidemarkError('TOPOLOGY_INVALID', faults.join('\n'))
}

function faultsOf(uses: readonly Use[]): string[] {
  const byName = Map.groupBy(uses, ({ kind, name }) => `${kind} "${name}"`)
  return [...byName].flatMap(([named, same]) => {
    const [first] = same
    const whats = [...new Set(same.map(({ what }) => what))]
    if (first === undefined || whats.length < 2) return []
    if (!same.some(({ isDerived }) => isDerived)) return []
    return [`${named} would be ${whats.join(', and ')}: ${remedies[first.kind]}`]
  })
}

const programUses: readonly Use[] = [
  ...[quarantineTopic, runsFact.topic].map(({ name }): Use => {
    return { kind: 'topic', name, what: 'a topic of the program', isDerived: false }
  }),
  ...[sinkGroup('tidemark'), rebuiltGroup].map((name): Use => {
    return { kind: 'group', name, what: 'a group of the program', isDerived: true }
  }),
]

function usesOf(graph: TopologyGraph): Use[] {
  const { name: topology, nodes, subTopologies } = graph
  const stores = subTopologies.flatMap((subTopology) => {
    const tasks = compileTaskGraph(subTopology)
    const positions = broadcastPositionsStore(subTopology.index)
    const own = subTopology.stores.map(({ name }) => name)
    if (tasks.broadcastTopics.length > 0) own.push(positions)
    const logged = changelogStores(subTopology, tasks)
    return own.flatMap((store) => storeUses(topology, store, logged.includes(store)))
  })
  return [...nodes.flatMap((node) => topicUse(topology, node)), ...stores, ...groupUses(topology)]
}

/** Of a topology that is known by what it left. */
function rememberedUsesOf(manifest: TopologyManifest): Use[] {
  const { topology, topics } = manifest
  const changelogs = new Set(
    topics.flatMap(({ name, role }) => (role === 'changelog' ? [name] : [])),
  )
  const stores = storesOf(manifest).flatMap(({ name, changelog }) =>
    storeUses(topology, storeName(name), changelog !== null && changelogs.has(changelog)),
  )
  const others = topics.flatMap(({ name, role }): Use[] => {
    if (role === 'changelog') return []
    const isDerived = role === 'repartition'
    const what = isDerived ? 'an internal topic' : `a ${role} topic`
    return [{ kind: 'topic', name, what: `${what} ${of(topology)}`, isDerived }]
  })
  return [...others, ...stores, ...groupUses(topology)]
}

function topicUse(topology: string, node: GraphNode): Use[] {
  const use = (what: string, isDerived: boolean): Use[] => {
    if (node.kind === 'processor') return []
    const owner = `${what} ${of(topology)} (node "${node.name}")`
    return [{ kind: 'topic', name: node.topic.name, what: owner, isDerived }]
  }
  switch (node.kind) {
    case 'source':
      return use('a source topic', false)
    case 'sink':
      return use('a sink topic', false)
    case 'repartition-source':
      return use('the internal topic', true)
    // Its other end is the use.
    case 'repartition-sink':
    case 'processor':
      return []
  }
}

function storeUses(topology: string, store: StoreName, isLogged: boolean): Use[] {
  const what = `store "${store}" ${of(topology)}`
  const state = scopedStoreName(topology, store)
  const uses: Use[] = [{ kind: 'store', name: state, what, isDerived: true }]
  if (!isLogged) return uses
  const name = changelogTopic(topology, store)
  return [...uses, { kind: 'topic', name, what: `the changelog of ${what}`, isDerived: true }]
}

function groupUses(topology: string): Use[] {
  const running = `the group that shares out the tasks ${of(topology)}`
  const writing = `the group that brings the facts ${of(topology)} to ClickHouse`
  return [
    { kind: 'group', name: topology, what: running, isDerived: true },
    { kind: 'group', name: sinkGroup(topology), what: writing, isDerived: true },
  ]
}

function of(topology: string): string {
  return `of topology "${topology}"`
}
