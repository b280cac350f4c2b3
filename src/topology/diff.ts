/**
 * What a start of a topology would do to what an earlier one left behind. A function of its input alone: who asks reads
 * the manifest and the topics first.
 *
 * A change is refused where going on would lose or mix up state silently: a store that nobody reads any more, one whose
 * keys would lie in other partitions, one that was computed with other parameters, positions that another sub-topology
 * would take for its own.
 */
import { TidemarkError, type ErrorCode } from '../core/errors.ts'
import { parametersChange } from './diff-parameters.ts'
import { subTopologyChanges } from './diff-sub-topologies.ts'
import {
  isAccepted,
  type StoreManifest,
  type SubTopologyManifest,
  type TopicManifest,
  type TopologyManifest,
} from './manifest.ts'

export type ChangeKind =
  | 'store-added'
  | 'store-orphaned'
  | 'store-returned'
  | 'store-changed'
  | 'store-moved'
  | 'store-repartitioned'
  | 'parameters-changed'
  | 'changelog-lost'
  | 'sub-topology-renumbered'
  | 'topic-created'
  | 'topic-orphaned'
  | 'topic-repartitioned'
  | 'source-added'
  | 'source-dropped'
  | 'schema-changed'

export interface TopologyChange {
  readonly kind: ChangeKind
  /** Of the store, topic, subject or sub-topology. */
  readonly name: string
  /** `refused`: a start ends with an error; `notice`: it goes on, and somebody should know. */
  readonly verdict: 'goes' | 'notice' | 'refused'
  /** What the start would do, in words. */
  readonly effect: string
  /** What `--accept` takes to go on all the same; null where nothing does. */
  readonly accept: string | null
}

export interface ExistingTopology {
  /** Null where none was kept: nothing ran, or only versions that kept none. */
  readonly manifest: TopologyManifest | null
  /** Partition counts of the topics that exist; null where they are not known. */
  readonly topics: ReadonlyMap<string, number> | null
}

export interface DiffOptions {
  readonly accepted: readonly string[]
  /** Why the registry would not take a schema, by subject. */
  readonly schemaFaults?: ReadonlyMap<string, readonly string[]>
  /** Names of other topologies, which may start as this one's does. */
  readonly otherTopologies?: readonly string[]
}

export function diffTopology(
  wanted: TopologyManifest,
  existing: ExistingTopology,
  options: DiffOptions,
): readonly TopologyChange[] {
  const changes = [
    ...storeChanges(wanted, existing, options),
    ...subTopologyChanges(wanted, existing.manifest),
    ...topicChanges(wanted, existing),
    ...schemaChanges(wanted, existing.manifest, options),
  ]
  return changes.map((change) => agreed(change, wanted.topology, options.accepted))
}

/** Null where a start may go on. */
export function startRefusal(
  topology: string,
  changes: readonly TopologyChange[],
): TidemarkError | null {
  const refused = changes.filter(({ verdict }) => verdict === 'refused')
  if (refused.length === 0) return null
  const told = linesOf(refused).map((line) => `  ${line}`)
  return new TidemarkError(
    refusalCode(refused),
    `topology ${topology} is not the one that ran here:\n${told.join('\n')}`,
    { details: { topology, stores: refused.map(({ name }) => name).join(',') } },
  )
}

/** One for all of which the same is to be said. */
export function linesOf(changes: readonly TopologyChange[]): string[] {
  return [...Map.groupBy(changes, ({ effect }) => effect)].map(([effect, alike]) => {
    const accept = alike.flatMap((change) =>
      change.verdict === 'refused' && change.accept !== null ? [change.accept] : [],
    )
    const names = alike.map(({ name }) => name).join(', ')
    return `${names}: ${effect}${accept.length === 0 ? '' : ` (--accept ${accept.join(',')})`}`
  })
}

function refusalCode(refused: readonly TopologyChange[]): ErrorCode {
  if (refused.every(({ kind }) => kind === 'parameters-changed')) return 'PARAMETERS_CHANGED'
  return refused.some(({ accept }) => accept !== null) ? 'STORE_ORPHANED' : 'TOPIC_MISMATCH'
}

function agreed(
  change: TopologyChange,
  topology: string,
  accepted: readonly string[],
): TopologyChange {
  if (change.verdict !== 'refused' || change.accept === null) return change
  if (!isAccepted(topology, change.name, accepted)) return change
  return { ...change, verdict: 'notice', effect: `${change.effect}; accepted` }
}

function storeChanges(
  wanted: TopologyManifest,
  { manifest, topics }: ExistingTopology,
  { otherTopologies = [] }: DiffOptions,
): TopologyChange[] {
  const { topology } = wanted
  const before = placesOf(manifest)
  const now = placesOf(wanted)
  const changes: TopologyChange[] = []
  for (const [name, place] of now) {
    const was = before.get(name)
    if (was !== undefined) {
      changes.push(
        ...storeChange(wanted, was, place),
        ...parametersChange(topology, was.store, place.store),
        ...lostChangelog(was, place, topics),
      )
    } else changes.push(...newStore(topology, place.store, { manifest, topics }))
  }
  for (const name of before.keys()) {
    if (!now.has(name)) changes.push(orphan(topology, name, 'its state and its history'))
  }
  if (manifest === null && topics !== null) {
    for (const name of changelogOrphans(topology, now, [...topics.keys()], otherTopologies)) {
      changes.push(orphan(topology, name, 'its changelog'))
    }
  }
  return changes
}

function orphan(topology: string, name: string, what: string): TopologyChange {
  return {
    kind: 'store-orphaned',
    name,
    verdict: 'refused',
    effect: `the topology has no such store any more; ${what} would lie there unread`,
    accept: `${topology}/${name}`,
  }
}

function newStore(
  topology: string,
  { name, changelog }: StoreManifest,
  { manifest, topics }: ExistingTopology,
): TopologyChange[] {
  const lies = changelog !== null && topics?.has(changelog) === true
  if (manifest?.accepted.includes(name) === true) {
    return [
      {
        kind: 'store-returned',
        name,
        verdict: 'refused',
        effect:
          'a store of this name was there before and lacks what happened since; tidemark reset builds it anew',
        accept: `${topology}/${name}`,
      },
    ]
  }
  // A version that kept no manifest has made it, or a start that did not come to its end.
  if (lies) return []
  const effect =
    manifest === null
      ? 'starts empty'
      : 'starts empty and knows only what comes from now on; tidemark reset has it see the past'
  const verdict = manifest === null ? 'goes' : 'notice'
  return [{ kind: 'store-added', name, verdict, effect, accept: null }]
}

function storeChange(
  { topology, topics }: TopologyManifest,
  was: StorePlace,
  now: StorePlace,
): TopologyChange[] {
  const { name } = now.store
  const changes: TopologyChange[] = []
  if (was.store.kind !== now.store.kind) {
    changes.push({
      kind: 'store-changed',
      name,
      verdict: 'refused',
      effect: `was a ${was.store.kind} store and would be a ${now.store.kind} store, which cannot read what it kept; give it another name`,
      accept: `${topology}/${name}`,
    })
  } else if (was.store.settings !== now.store.settings) {
    const effect = `was kept with ${was.store.settings || 'no limit'}, now with ${now.store.settings || 'no limit'}; what is there stays as it is`
    changes.push({ kind: 'store-changed', name, verdict: 'notice', effect, accept: null })
  }
  const [wasIn, isIn] = [was.store.changelog, now.store.changelog]
  if (isIn !== null && wasIn !== isIn) {
    const isFacts = topics.some((topic) => topic.name === isIn && topic.role === 'sink')
    const then = isFacts
      ? `the facts in ${isIn}: go on where they have each of its rows as it is; where not,`
      : `${isIn}, which says nothing of what is there now;`
    changes.push({
      kind: 'store-changed',
      name,
      verdict: 'refused',
      effect: `its changelog was ${wasIn === null ? 'the topic that it is read from' : `topic ${wasIn}`} and would be ${then} start anew with tidemark reset`,
      accept: `${topology}/${name}`,
    })
  }
  const from = was.subTopology.partitionCount
  const to = now.subTopology.partitionCount
  if (from !== to) {
    changes.push({
      kind: 'store-repartitioned',
      name,
      verdict: 'refused',
      effect: `has ${from} partitions and would have ${to}: its keys are bound to them; keep ${from}, or start anew with tidemark reset`,
      accept: null,
    })
  }
  return changes
}

/** A topic that the store was kept in and that is there no more: made anew, it would have the store begin empty, and the
 * events before the committed offsets would never be seen again. */
function lostChangelog(
  { store: { changelog } }: StorePlace,
  { store: now }: StorePlace,
  topics: ExistingTopology['topics'],
): TopologyChange[] {
  if (changelog === null || changelog !== now.changelog || topics?.has(changelog) !== false)
    return []
  const effect =
    `its changelog ${changelog} is gone, and what the store held with it: ` +
    'bring the topic back from a copy, or have tidemark reset compute the store anew from the events'
  return [{ kind: 'changelog-lost', name: now.name, verdict: 'refused', effect, accept: null }]
}

/** Stores, by the names of changelog topics that the topology does not know. */
function changelogOrphans(
  topology: string,
  now: ReadonlyMap<string, StorePlace>,
  topics: readonly string[],
  others: readonly string[],
): string[] {
  const known = new Set([...now.values()].map(({ store }) => store.changelog))
  const longer = others.filter((other) => other.startsWith(`${topology}-`))
  const pattern = new RegExp(`^${topology.replaceAll(/[.+]/g, '\\$&')}-(.+)-changelog$`)
  return topics.flatMap((topic) => {
    const store = pattern.exec(topic)?.[1]
    if (store === undefined || store.startsWith('__') || known.has(topic)) return []
    return longer.some((other) => topic.startsWith(`${other}-`)) ? [] : [store]
  })
}

function topicChanges(wanted: TopologyManifest, existing: ExistingTopology): TopologyChange[] {
  const { manifest } = existing
  const before =
    existing.topics ??
    new Map(manifest?.topics.map(({ name, partitionCount }) => [name, partitionCount]) ?? [])
  const changes: TopologyChange[] = []
  for (const { name, role, partitionCount } of wanted.topics) {
    const was = before.get(name)
    if (was === undefined) {
      const effect = `${role} topic, made with ${partitionCount} partitions`
      changes.push({ kind: 'topic-created', name, verdict: 'goes', effect, accept: null })
    } else if (was !== partitionCount) {
      changes.push({
        kind: 'topic-repartitioned',
        name,
        verdict: 'refused',
        effect: `${role} topic has ${was} partitions and would need ${partitionCount}: keys are bound to partitions; keep ${was}, or ${anew[role]}`,
        accept: null,
      })
    }
  }
  const now = new Set(wanted.topics.map(({ name }) => name))
  for (const { name, role } of manifest?.topics ?? []) {
    if (role !== 'repartition' || now.has(name)) continue
    const effect =
      'no task reads it any more: what waits in it is not processed; let it run empty first'
    changes.push({ kind: 'topic-orphaned', name, verdict: 'notice', effect, accept: null })
  }
  return changes
}

/** How each kind of topic gets another number of partitions. A reset deletes what it can make again. */
const anew: Readonly<Record<TopicManifest['role'], string>> = {
  source:
    'stop the instances, move its events to a topic made with more, and start anew with tidemark reset',
  sink: 'stop the instances and start anew with tidemark reset --facts',
  repartition: 'stop the instances and start anew with tidemark reset',
  changelog: 'stop the instances and start anew with tidemark reset',
}

function schemaChanges(
  wanted: TopologyManifest,
  manifest: TopologyManifest | null,
  { schemaFaults }: DiffOptions,
): TopologyChange[] {
  const before = new Map(
    manifest?.schemas.map(({ subject, fingerprint }) => [subject, fingerprint]) ?? [],
  )
  return wanted.schemas.flatMap(({ subject, fingerprint }): TopologyChange[] => {
    const common = { kind: 'schema-changed', name: subject, accept: null } as const
    const faults = schemaFaults?.get(subject)
    if (faults !== undefined) {
      return [
        { ...common, verdict: 'refused', effect: `the registry refuses it: ${faults.join('; ')}` },
      ]
    }
    const was = before.get(subject)
    if (was === undefined || was === fingerprint) return []
    return [{ ...common, verdict: 'notice', effect: 'a new version of the schema is registered' }]
  })
}

interface StorePlace {
  readonly store: StoreManifest
  readonly subTopology: SubTopologyManifest
}

function placesOf(manifest: TopologyManifest | null): ReadonlyMap<string, StorePlace> {
  const places = new Map<string, StorePlace>()
  for (const subTopology of manifest?.subTopologies ?? []) {
    for (const store of subTopology.stores) {
      if (store.kind !== 'internal') places.set(store.name, { store, subTopology })
    }
  }
  return places
}
