/** What a topology left behind where it ran: plain data, kept with the application, compared before the next start. */
import type { StoreParameters } from '../state/stores.ts'

export interface TopologyManifest {
  readonly layout: 1
  readonly topology: string
  readonly subTopologies: readonly SubTopologyManifest[]
  readonly topics: readonly TopicManifest[]
  readonly schemas: readonly SchemaManifest[]
  /** Stores that are no more, whose loss was agreed to; what they held may still lie there. */
  readonly accepted: readonly string[]
}

export interface SubTopologyManifest {
  readonly index: number
  /** Of each of its stores: one partition a task. */
  readonly partitionCount: number
  /** The topics whose partitions make its tasks. */
  readonly sources: readonly string[]
  readonly stores: readonly StoreManifest[]
}

export interface StoreManifest {
  readonly name: string
  /** `internal` ones are of the runtime; their names carry the sub-topology's number. */
  readonly kind: 'key-value' | 'window' | 'session' | 'versioned' | 'internal'
  /** Times by which it forgets, in words: `window 60000 ms`. */
  readonly settings: string
  /** Null where the log keeps the state itself. Of a sink: it is written from the store. */
  readonly changelog: string | null
  /** Absent where the store states none, and in what earlier versions have kept. */
  readonly parameters?: StoreParameters
}

export interface TopicManifest {
  readonly name: string
  readonly role: 'source' | 'sink' | 'repartition' | 'changelog'
  readonly partitionCount: number
}

export interface SchemaManifest {
  readonly subject: string
  /** Of the schema's one form: equal where the schemas are. */
  readonly fingerprint: string
}

/** To be kept once the wanted topology starts, with what was agreed to. */
export function nextManifest(
  wanted: TopologyManifest,
  before: TopologyManifest | null,
  accepted: readonly string[],
): TopologyManifest {
  const now = new Set(storesOf(wanted).map(({ name }) => name))
  const gone = storesOf(before).filter(({ name, kind }) => kind !== 'internal' && !now.has(name))
  const agreed = gone.filter(({ name }) => isAccepted(wanted.topology, name, accepted))
  const kept = before?.accepted.filter((name) => !now.has(name)) ?? []
  const names = new Set([...kept, ...agreed.map(({ name }) => name)])
  return { ...wanted, accepted: [...names].sort() }
}

export function storesOf(manifest: TopologyManifest | null): readonly StoreManifest[] {
  return manifest?.subTopologies.flatMap(({ stores }) => stores) ?? []
}

/** Given as `store`, or as `topology/store` where several topologies have one of that name. */
export function isAccepted(topology: string, name: string, accepted: readonly string[]): boolean {
  return accepted.includes(name) || accepted.includes(`${topology}/${name}`)
}
