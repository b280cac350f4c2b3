/** Sub-topologies are numbered; what the runtime keeps for itself is named by the number. */
import type { TopologyChange } from './diff.ts'
import type { SubTopologyManifest, TopologyManifest } from './manifest.ts'

/** A sub-topology stays itself by the stores it keeps and the topics it reads, under whatever number; where several
 * became one, or one several, the likest does, and the stores of the others have moved. */
export function subTopologyChanges(
  wanted: TopologyManifest,
  before: TopologyManifest | null,
): TopologyChange[] {
  if (before === null) return []
  const pairs = pairsOf(wanted.subTopologies, before.subTopologies)
  const changes: TopologyChange[] = []
  for (const now of wanted.subTopologies) {
    const was = pairs.get(now)
    if (was !== undefined && was.index !== now.index) {
      changes.push(renumbered(wanted.topology, was, now))
    }
    for (const { name, kind } of now.stores) {
      const home = before.subTopologies.find(({ stores }) =>
        stores.some((one) => one.name === name),
      )
      if (kind === 'internal' || home === undefined || home === was) continue
      changes.push(moved(wanted.topology, name, home, now))
    }
  }
  return changes
}

function renumbered(
  topology: string,
  was: SubTopologyManifest,
  now: SubTopologyManifest,
): TopologyChange {
  const kind = 'sub-topology-renumbered'
  const name = `sub-topology-${was.index}`
  const what = `sub-topology ${was.index} becomes ${now.index}`
  const internal = internalOf(was, now)
  if (internal === '') {
    const effect = `${what}: its tasks get other names; its state is found by the stores' names`
    return { kind, name, verdict: 'notice', effect, accept: null }
  }
  const effect = `${what}: positions kept under its old number (${internal}) would be taken for another's; define the streams in their old order, or start anew with tidemark reset`
  return { kind, name, verdict: 'refused', effect, accept: `${topology}/${name}` }
}

function moved(
  topology: string,
  name: string,
  home: SubTopologyManifest,
  now: SubTopologyManifest,
): TopologyChange {
  const kind = 'store-moved'
  const what = `moves from sub-topology ${home.index} to ${now.index}`
  const internal = internalOf(home, now)
  if (internal === '') {
    const effect = `${what}: other tasks keep it; its state is found by its name`
    return { kind, name, verdict: 'notice', effect, accept: null }
  }
  const effect = `${what}, which have read reference data each up to positions of its own (${internal}): what the store has seen of it is not what its new tasks take for read; start anew with tidemark reset`
  return { kind, name, verdict: 'refused', effect, accept: `${topology}/${name}` }
}

function internalOf(...subTopologies: readonly SubTopologyManifest[]): string {
  const internal = subTopologies.flatMap(({ stores }) =>
    stores.filter(({ kind }) => kind === 'internal').map(({ name }) => name),
  )
  return [...new Set(internal)].join(', ')
}

/** Which of before each is, if any: the likest first, and each of before once. */
function pairsOf(
  wanted: readonly SubTopologyManifest[],
  before: readonly SubTopologyManifest[],
): ReadonlyMap<SubTopologyManifest, SubTopologyManifest> {
  const candidates = wanted
    .flatMap((now) => before.map((was) => ({ now, was, shared: likeness(now, was) })))
    .filter(({ shared }) => shared > 0)
    .sort(
      (one, other) =>
        other.shared - one.shared ||
        Number(other.now.index === other.was.index) - Number(one.now.index === one.was.index),
    )
  const pairs = new Map<SubTopologyManifest, SubTopologyManifest>()
  const taken = new Set<SubTopologyManifest>()
  for (const { now, was } of candidates) {
    if (pairs.has(now) || taken.has(was)) continue
    pairs.set(now, was)
    taken.add(was)
  }
  return pairs
}

function likeness(one: SubTopologyManifest, other: SubTopologyManifest): number {
  const identity = ({ stores, sources }: SubTopologyManifest) => [
    ...stores.filter(({ kind }) => kind !== 'internal').map(({ name }) => `store ${name}`),
    ...sources.map((name) => `topic ${name}`),
  ]
  const own = new Set(identity(one))
  return identity(other).filter((each) => own.has(each)).length
}
