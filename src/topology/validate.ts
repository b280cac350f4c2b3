/** Says all that is wrong with a topology at once, by the names its author knows, before anything opens. */
import { isDeepStrictEqual } from 'node:util'
import { TidemarkError } from '../core/errors.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { StoreDefinition } from '../state/stores.ts'
import { factChangelogFaults } from './fact-changelog.ts'
import type { GraphNode, SubTopology, TopologyGraph } from './graph.ts'
import { parentsOf, topologicalOrder } from './sub-topologies.ts'

/** @throws TidemarkError TOPOLOGY_INVALID with every fault of the graph */
export function validate(graph: TopologyGraph): void {
  refuse(graph.name, faultsOf(graph))
}

export function refuse(topology: string, faults: readonly string[]): void {
  if (faults.length === 0) return
  const unique = [...new Set(faults)]
  const lines = unique.map((fault) => `  - ${fault}`)
  const count = unique.length === 1 ? '1 fault' : `${unique.length} faults`
  throw new TidemarkError(
    'TOPOLOGY_INVALID',
    `topology "${topology}" has ${count}:\n${lines.join('\n')}`,
    { details: { topology, faultCount: unique.length } },
  )
}

export function faultsOf(graph: TopologyGraph): string[] {
  return [
    ...nameFaults(graph),
    ...edgeFaults(graph),
    ...storeFaults(graph),
    ...topicFaults(graph),
    ...graph.subTopologies.flatMap(subTopologyFaults),
    ...broadcastFaults(graph),
    ...factChangelogFaults(graph),
  ]
}

/** Kafka's rule for topic names, which nodes and stores share because topics are named after them. */
const legalName = /^[a-zA-Z0-9._-]{1,249}$/
const nameRule = 'use 1 to 249 of letters, digits, ".", "_" and "-"'

function nameFaults(graph: TopologyGraph): string[] {
  const faults: string[] = []
  const check = (what: string, names: readonly string[]) => {
    for (const name of names) {
      if (name === '') faults.push(`a ${what} has no name: ${nameRule}`)
      else if (!legalName.test(name)) faults.push(`${what} name "${name}" is illegal: ${nameRule}`)
    }
  }
  const nodes = graph.nodes.map((node) => node.name)
  const stores = graph.stores.map((store) => store.name)
  check('topology', [graph.name])
  check('node', nodes)
  check('store', stores)
  const topics = graph.nodes.flatMap((node) => ('topic' in node ? [node.topic.name] : []))
  check('topic', [...new Set(topics)])
  for (const name of repeated(nodes)) faults.push(`two nodes are named "${name}"`)
  for (const name of repeated(stores)) faults.push(`two stores are named "${name}"`)
  return faults
}

function repeated(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index))
}

function edgeFaults(graph: TopologyGraph): string[] {
  const faults: string[] = []
  const names = new Set<string>(graph.nodes.map((node) => node.name))
  for (const node of graph.nodes) {
    if (!('parents' in node)) continue
    if (node.parents.length === 0) faults.push(`${node.kind} "${node.name}" has no parents`)
    for (const parent of node.parents) {
      if (names.has(parent)) continue
      faults.push(
        `${node.kind} "${node.name}" has the parent "${parent}", which this topology does not have`,
      )
    }
    for (const parent of repeated(node.parents)) {
      faults.push(`${node.kind} "${node.name}" has the parent "${parent}" twice`)
    }
  }
  // Where two nodes share a name, what looks like a cycle may be none.
  const cycle = names.size === graph.nodes.length ? cycleOf(graph.nodes) : []
  if (cycle.length > 0) faults.push(`nodes form a cycle: ${cycle.join(' -> ')}`)
  if (!graph.nodes.some((node) => node.kind === 'source')) faults.push('no node reads a topic')
  return faults
}

/** The names on one cycle, the first again at the end; empty where there is none. */
function cycleOf(nodes: readonly GraphNode[]): string[] {
  const ordered = topologicalOrder(nodes)
  const byName = new Map<string, GraphNode>(nodes.map((node) => [node.name, node]))
  const position = new Map<string, number>(ordered.map((node, index) => [node.name, index]))
  const isLater = (parent: string, node: GraphNode) =>
    (position.get(parent) ?? -1) >= (position.get(node.name) ?? 0)
  const start = ordered.find((node) => parentsOf(node).some((parent) => isLater(parent, node)))
  if (start === undefined) return []
  // Every node that could not be placed has a parent that could not be placed either: go up until one repeats.
  const firstUnplaced = position.get(start.name) ?? 0
  const path: string[] = []
  let name: string | undefined = start.name
  while (name !== undefined && !path.includes(name)) {
    path.push(name)
    const node = byName.get(name)
    name =
      node === undefined
        ? undefined
        : parentsOf(node).find((parent) => (position.get(parent) ?? -1) >= firstUnplaced)
  }
  if (name === undefined) return []
  return [name, ...path.slice(path.indexOf(name)).reverse()]
}

function storeFaults(graph: TopologyGraph): string[] {
  const faults: string[] = []
  const defined = new Set<string>(graph.stores.map((store) => store.name))
  const used = new Set<string>()
  for (const node of graph.nodes) {
    if (node.kind !== 'processor') continue
    for (const store of node.stores) {
      used.add(store)
      if (defined.has(store)) continue
      faults.push(`node "${node.name}" uses the store "${store}", which is not defined`)
    }
  }
  for (const store of graph.stores) {
    if (!used.has(store.name)) faults.push(`store "${store.name}" is used by no node`)
    faults.push(...durationFaults(store))
  }
  return faults
}

function durationFaults(store: StoreDefinition): string[] {
  const durations: [string, number][] = []
  if ('ttlMs' in store && store.ttlMs !== null) durations.push(['ttlMs', store.ttlMs])
  if ('retentionMs' in store) durations.push(['retentionMs', store.retentionMs])
  if (store.kind === 'versioned') durations.push(['historyMs', store.historyMs])
  if (store.kind === 'window') durations.push(['windowSizeMs', store.windowSizeMs])
  return durations
    .filter(([, value]) => !Number.isSafeInteger(value) || value <= 0)
    .map(
      ([what, value]) =>
        `store "${store.name}" has ${what} ${value}; use a whole number of milliseconds above 0`,
    )
}

function topicFaults(graph: TopologyGraph): string[] {
  const faults: string[] = []
  const external = new Map<string, { node: string; topic: TopicDefinition }>()
  const internal = new Map<string, { sinks: number; sources: number; topic: InternalTopic }>()
  const sources = new Map<string, string>()
  for (const node of graph.nodes) {
    if (node.kind === 'processor') continue
    const { name } = node.topic
    if (node.kind === 'source' || node.kind === 'sink') {
      const first = external.get(name)
      if (first === undefined) external.set(name, { node: node.name, topic: node.topic })
      else faults.push(...definitionFaults(first.node, first.topic, node.name, node.topic))
    } else {
      const ends = internal.get(name) ?? { sinks: 0, sources: 0, topic: node.topic }
      if (node.kind === 'repartition-sink') ends.sinks += 1
      else ends.sources += 1
      internal.set(name, ends)
    }
    if (node.kind === 'source') {
      const id = `${name} ${node.broadcast}`
      const other = sources.get(id)
      if (other !== undefined) {
        faults.push(
          `sources "${other}" and "${node.name}" both read topic "${name}"; read it once and use the ` +
            'stream twice',
        )
      }
      sources.set(id, node.name)
    }
  }
  for (const [name, { sinks, sources: readers }] of internal) {
    if (external.has(name))
      faults.push(`topic "${name}" is internal and also used as a topic of its own`)
    if (sinks !== 1 || readers !== 1) {
      faults.push(
        `internal topic "${name}" has ${sinks} writers and ${readers} readers; it needs one of each`,
      )
    }
  }
  return faults
}

function definitionFaults(
  firstNode: string,
  first: TopicDefinition,
  node: string,
  topic: TopicDefinition,
): string[] {
  const differing: string[] = []
  if (!isDeepStrictEqual(first.schema, topic.schema)) differing.push('schemas')
  if (first.keySerde !== topic.keySerde) differing.push('key serdes')
  if (first.keyOf !== topic.keyOf) differing.push('keyOf')
  if (first.eventTimeMsOf !== topic.eventTimeMsOf) differing.push('eventTimeMsOf')
  if (first.partitionCount !== topic.partitionCount) differing.push('partition counts')
  if (first.cleanupPolicy !== topic.cleanupPolicy) differing.push('cleanup policies')
  if (first.retentionMs !== topic.retentionMs) differing.push('retentions')
  if (differing.length === 0) return []
  return [
    `nodes "${firstNode}" and "${node}" use topic "${topic.name}" with different ` +
      `${differing.join(', ')}; share one definition`,
  ]
}

function subTopologyFaults(subTopology: SubTopology): string[] {
  return [...partitionFaults(subTopology), ...twofoldFaults(subTopology)]
}

/** A task keeps one position for each topic and partition. */
function twofoldFaults({ nodes }: SubTopology): string[] {
  const sources = nodes.filter((node) => node.kind === 'source')
  return sources
    .filter((node) => node.broadcast)
    .flatMap((broadcast) => {
      const { name } = broadcast.topic
      const other = sources.find((node) => !node.broadcast && node.topic.name === name)
      if (other === undefined) return []
      return [
        `source "${other.name}" and broadcast source "${broadcast.name}" bring topic "${name}" to the ` +
          'same tasks; use the broadcast alone, or keep the two apart',
      ]
    })
}

function partitionFaults(subTopology: SubTopology): string[] {
  const names = subTopology.nodes.map((node) => `"${node.name}"`).join(', ')
  const partitioned = subTopology.nodes.flatMap((node) =>
    node.kind === 'repartition-source' || (node.kind === 'source' && !node.broadcast)
      ? [node.topic]
      : [],
  )
  if (partitioned.length === 0) {
    // Without any source a node has no parents, which is reported already.
    if (!subTopology.nodes.some((node) => node.kind === 'source')) return []
    return [
      `nodes ${names} read nothing but broadcast topics: join them with a stream, or read the topic ` +
        'as a stream or table',
    ]
  }
  const counted = partitioned.filter((topic) => topic.partitionCount !== undefined)
  if (new Set(counted.map((topic) => topic.partitionCount)).size <= 1) return []
  const counts = counted.map((topic) => `"${topic.name}" has ${topic.partitionCount}`)
  return [
    `topics that are joined or processed together need equal partition counts: ${counts.join(', ')}; ` +
      'repartition one of them',
  ]
}

/** A broadcast record reaches every task, so what is written for it by a node without partitioned input is
 * written once for each task. */
function broadcastFaults(graph: TopologyGraph): string[] {
  const faults: string[] = []
  const onlyBroadcast = new Set<string>()
  const carriesBroadcast = new Map<string, string>()
  for (const node of graph.nodes) {
    if (node.kind === 'source' && node.broadcast) {
      onlyBroadcast.add(node.name)
      carriesBroadcast.set(node.name, node.name)
    }
    const parents = parentsOf(node)
    if (parents.length === 0) continue
    const isOnly = parents.every((parent) => onlyBroadcast.has(parent))
    const isStateless = node.kind !== 'processor' || node.stores.length === 0
    const origin = parents.map((parent) => carriesBroadcast.get(parent)).find((name) => name)
    if (isOnly) onlyBroadcast.add(node.name)
    if (origin === undefined || (!isOnly && !isStateless)) continue
    carriesBroadcast.set(node.name, origin)
    if (node.kind === 'processor') continue
    faults.push(
      `${node.kind} "${node.name}" writes the records of broadcast source "${origin}", once for each ` +
        'task: read the topic as a stream instead',
    )
  }
  return faults
}
