/** Sub-topologies are numbered; what the runtime keeps for itself is named by the number. */
import type { TopologyChange } from './diff.ts'
import type { SubTopologyManifest, TopologyManifest } from './manifest.ts'

/** A sub-topology stays itself by the stores it keeps and the topics it reads, under whatever number. */
export function subTopologyChanges(
  wanted: TopologyManifest,
  before: TopologyManifest | null,
): TopologyChange[] {
  if (before === null) return []
  const changes: TopologyChange[] = []
  for (const now of wanted.subTopologies) {
    const was = nearest(now, before.subTopologies)
    if (was === undefined || was.index === now.index) continue
    const internal = [...was.stores, ...now.stores].filter(({ kind }) => kind === 'internal')
    const name = `sub-topology-${was.index}`
    const moved = `sub-topology ${was.index} becomes ${now.index}`
    if (internal.length === 0) {
      const effect = `${moved}: its tasks get other names; its state is found by the stores' names`
      changes.push({
        kind: 'sub-topology-renumbered',
        name,
        verdict: 'notice',
        effect,
        accept: null,
      })
      continue
    }
    const names = [...new Set(internal.map((store) => store.name))].join(', ')
    changes.push({
      kind: 'sub-topology-renumbered',
      name,
      verdict: 'refused',
      effect: `${moved}: positions kept under its old number (${names}) would be taken for another's; define the streams in their old order, or start anew with tidemark reset`,
      accept: `${wanted.topology}/${name}`,
    })
  }
  return changes
}

function nearest(
  now: SubTopologyManifest,
  candidates: readonly SubTopologyManifest[],
): SubTopologyManifest | undefined {
  let best: SubTopologyManifest | undefined
  let most = 0
  for (const candidate of candidates) {
    const shared = likeness(now, candidate)
    const isBetter = shared > most || (shared === most && candidate.index === now.index)
    if (shared > 0 && isBetter) {
      best = candidate
      most = shared
    }
  }
  return best
}

function likeness(one: SubTopologyManifest, other: SubTopologyManifest): number {
  const identity = ({ stores, sources }: SubTopologyManifest) => [
    ...stores.filter(({ kind }) => kind !== 'internal').map(({ name }) => `store ${name}`),
    ...sources.map((name) => `topic ${name}`),
  ]
  const own = new Set(identity(one))
  return identity(other).filter((each) => own.has(each)).length
}
