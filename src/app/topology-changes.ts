/** What a start would do to what ran before, asked of the log and of the application's own records. */
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import { changelogTopic } from '../runtime/changelog.ts'
import { storeName, type TopicName } from '../core/record.ts'
import type { SchemaRegistry } from '../schema/schema-registry.ts'
import { schemaDifference } from '../schema/schema-refusal.ts'
import { diffTopology, linesOf, startRefusal, type TopologyChange } from '../topology/diff.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { nextManifest, storesOf, type TopologyManifest } from '../topology/manifest.ts'
import { valueSubject } from '../schema/schema-registry.ts'
import { definitionsOf, manifestOf } from './manifest.ts'
import { refuseUnknownAccepted } from './accepted-stores.ts'
import { readManifests, writeManifests } from './manifest-records.ts'
import type { MetaRecords } from './meta-records.ts'

export interface ChangesContext {
  readonly log: Log
  /** Null where the log is this process's own. */
  readonly admin: LogAdmin | null
  readonly meta: MetaRecords
  readonly defaultPartitionCount: number
  readonly accepted: readonly string[]
}

export interface TopologyChanges {
  readonly topology: string
  readonly changes: readonly TopologyChange[]
  /** To be kept once the start has succeeded. */
  readonly next: TopologyManifest
  /** False where it is kept already. */
  readonly isNew: boolean
}

/** @throws TidemarkError CONFIGURATION_INVALID where something is accepted that is nothing
 * @param registry asked whether it takes the schemas; null leaves them out */
export async function changesOf(
  graphs: readonly TopologyGraph[],
  context: ChangesContext,
  registry: SchemaRegistry | null,
): Promise<readonly TopologyChanges[]> {
  const { log, meta, defaultPartitionCount, accepted } = context
  const manifests = await readManifests(meta)
  const options = { defaultPartitionCount, withChangelogs: !log.sharesState }
  const wanted = graphs.map((graph) => manifestOf(graph, options))
  const topics = await topicsOf(context, [...wanted, ...manifests.values()])
  const otherTopologies = [...new Set([...manifests.keys(), ...graphs.map(({ name }) => name)])]
  const found: TopologyChanges[] = []
  for (const [index, graph] of graphs.entries()) {
    const manifest = wanted[index]
    if (manifest === undefined) continue
    const before = manifests.get(graph.name) ?? null
    const schemaFaults = registry === null ? new Map() : await schemaFaultsOf(graph, registry)
    const changes = diffTopology(
      manifest,
      { manifest: before, topics },
      {
        accepted,
        schemaFaults: schemaFaults as ReadonlyMap<string, readonly string[]>,
        otherTopologies: otherTopologies.filter((name) => name !== graph.name),
      },
    )
    const next = nextManifest(manifest, before, accepted)
    found.push({ topology: graph.name, changes, next, isNew: !isDeepStrictEqual(next, before) })
  }
  refuseUnknownAccepted(accepted, [...wanted, ...manifests.values()], [...topics.keys()])
  return found
}

/** @throws TidemarkError STORE_ORPHANED | PARAMETERS_CHANGED | TOPIC_MISMATCH of the first topology that may not start */
export function refuseOrphans(found: readonly TopologyChanges[]): void {
  for (const { topology, changes } of found) {
    const refusal = startRefusal(topology, changes)
    if (refusal !== null) throw refusal
  }
}

/** A line where state is gone on with that other parameters have left: once it is kept, nothing else tells of it. */
export function tellAcceptedParameters(
  found: readonly TopologyChanges[],
  tell: (line: string) => void,
): void {
  for (const { topology, changes } of found) {
    const accepted = changes.filter(
      ({ kind, verdict }) => kind === 'parameters-changed' && verdict === 'notice',
    )
    for (const line of linesOf(accepted)) tell(`topology ${topology}: ${line}`)
  }
}

export async function keepManifests(
  meta: MetaRecords,
  found: readonly TopologyChanges[],
): Promise<void> {
  await writeManifests(
    meta,
    found.filter(({ isNew }) => isNew).map(({ next }) => next),
  )
}

/** Partition counts of the topics that exist and concern these topologies. */
async function topicsOf(
  { log, admin }: ChangesContext,
  manifests: readonly TopologyManifest[],
): Promise<ReadonlyMap<string, number>> {
  const existing = admin === null ? null : new Set(await admin.topicNames())
  const named = new Set<string>(manifests.flatMap(({ topics }) => topics.map(({ name }) => name)))
  for (const manifest of manifests) {
    for (const { name } of storesOf(manifest)) {
      named.add(changelogTopic(manifest.topology, storeName(name)))
    }
  }
  const prefixes = manifests.map(({ topology }) => `${topology}-`)
  const concerns = (name: string) =>
    named.has(name) ||
    (name.endsWith('-changelog') && prefixes.some((prefix) => name.startsWith(prefix)))
  const names =
    existing === null ? undefined : ([...existing].filter(concerns) satisfies TopicName[])
  if (names?.length === 0) return new Map()
  const described = await log.describeTopics(names)
  return new Map(described.map(({ name, partitionCount }) => [name, partitionCount]))
}

export async function schemaFaultsOf(
  graph: TopologyGraph,
  registry: SchemaRegistry,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const faults = new Map<string, readonly string[]>()
  for (const { name, schema } of definitionsOf(graph)) {
    const subject = valueSubject(name)
    const difference = await schemaDifference(registry, subject, schema)
    if (difference !== null) faults.set(subject, difference.lines)
  }
  return faults
}
