/**
 * Reads what this process holds of the topologies' stores: committed state only, each answer with the position that it
 * is complete up to. A position is read before the entries, so that they may be newer than it says and never older.
 */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import { partitionForKey } from '../../core/partitioner.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { Partition, StoreName } from '../../core/record.ts'
import type { StateBackend } from '../../core/state.ts'
import type { Log } from '../../log/log.ts'
import type { StoreDefinition } from '../../state/stores.ts'
import type { SubTopology, TopologyGraph } from '../../topology/graph.ts'
import { checkpointRead, decodeCheckpoint } from '../checkpoints.ts'
import { changelogOf } from '../kept-task.ts'
import type { StoreChangelog } from '../kept-task.ts'
import { ScopedState, scopedStoreName } from '../scoped-state.ts'
import { compileTaskGraph } from '../task-graph.ts'
import type { HeldTask, QueryableRuntime } from './hosts.ts'
import { StoreReader } from './store-reader.ts'
import type { ReadEntries, ReadEntry } from './store-reader.ts'

export type StoreQuery =
  | { readonly kind: 'key'; readonly key: Buffer }
  | {
      readonly kind: 'range'
      /** Inclusive; null is open. */
      readonly from: Buffer | null
      /** Exclusive; null is open. */
      readonly to: Buffer | null
      readonly entriesMax: number
      readonly bytesMax: number
    }
  | {
      readonly kind: 'windows' | 'sessions'
      readonly key: Buffer
      readonly fromMs: number
      readonly toMs: number
      readonly entriesMax: number
      readonly bytesMax: number
    }

/** Where an answer comes from and how old it may be. */
export interface Freshness {
  readonly role: HeldTask['role']
  /** Up to which offset, exclusive, the entries hold everything, by `topic-partition`: of the store's
   * changelog; where the log holds the state, of the task's inputs. */
  readonly position: Readonly<Record<string, number>>
  /** Records of the changelog that are committed and not yet in this copy; 0 where it is the task's own. */
  readonly lagRecords: number
  readonly lastAppliedMs: number | null
}

export interface PartitionRead extends Freshness {
  readonly partition: Partition
  readonly entries: readonly ReadEntry[]
  /** As `ReadEntries`. */
  readonly isCut: boolean
}

/** What this process holds of a partition of a store. */
export interface HeldCopy extends Omit<HeldTask, 'incomplete'> {
  /** It has held all of its changelog once: it may be old, and has no gaps. */
  readonly isComplete: boolean
}

export interface FoundStore {
  readonly topology: string
  readonly subTopology: SubTopology
  readonly definition: StoreDefinition
}

export interface LocalQueriesOptions {
  readonly topologies: readonly TopologyGraph[]
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly runtime: QueryableRuntime
}

/** How long the end of a changelog, once asked for, is taken as it was. */
const endsKeptMs = 250

export class LocalQueries {
  readonly #options: LocalQueriesOptions
  readonly #graphs: ReadonlyMap<string, TopologyGraph>
  readonly #ends = new Map<StoreName, { readonly atMs: number; readonly ends: Promise<Ends> }>()

  constructor(options: LocalQueriesOptions) {
    this.#options = options
    this.#graphs = new Map(options.topologies.map((graph) => [graph.name, graph]))
  }

  get topologies(): readonly string[] {
    return [...this.#graphs.keys()]
  }

  /** Null where no such topology runs here. */
  stores(topology: string): readonly FoundStore[] | null {
    const graph = this.#graphs.get(topology)
    if (graph === undefined) return null
    return graph.subTopologies.flatMap((subTopology) =>
      subTopology.stores.map((definition) => ({ topology, subTopology, definition })),
    )
  }

  /** How many partitions the store has. */
  partitionCount({ topology, subTopology }: FoundStore): number {
    const tasks = this.#options.runtime.hostsOf(topology)?.tasks ?? []
    return tasks.filter((task) => task.subTopology === subTopology.index).length
  }

  /** Where a key is, if the store's key is the key that its input is partitioned by. */
  partitionOf(store: FoundStore, key: Buffer): Partition {
    return partitionForKey(key, Math.max(1, this.partitionCount(store)))
  }

  /** The copy of the store in this process; null where there is none. */
  held({ topology, subTopology, definition }: FoundStore, partition: Partition): HeldCopy | null {
    const held = this.#options.runtime.heldTask(topology, subTopology.index, partition)
    if (held === null) return null
    const { incomplete, ...task } = held
    return { ...task, isComplete: !incomplete.includes(scopedStoreName(topology, definition.name)) }
  }

  /** Null where this process holds no copy that has been complete once. @throws TidemarkError DATA_DIR_NEWER and what the store's serde throws */
  async read(
    store: FoundStore,
    partition: Partition,
    query: StoreQuery,
  ): Promise<PartitionRead | null> {
    const held = this.held(store, partition)
    if (held?.isComplete !== true) return null
    const scoped = new ScopedState(this.#options.state, store.topology)
    const freshness = await this.#freshness(store, partition, held)
    const { entries, isCut } = await entriesOf(
      new StoreReader(scoped, store.definition, partition),
      query,
    )
    // What was taken away or begun anew meanwhile may have been read half deleted.
    if (this.held(store, partition)?.isComplete !== true) return null
    return { partition, ...freshness, entries, isCut }
  }

  async #freshness(
    store: FoundStore,
    partition: Partition,
    { role, lastAppliedMs }: HeldCopy,
  ): Promise<Freshness> {
    const { log } = this.#options
    if (log.sharesState) {
      const position = await this.#inputPosition(store, partition)
      return { role, position, lagRecords: 0, lastAppliedMs }
    }
    const changelog = changelogOf(store.topology, store.definition)
    const { topic } = changelog
    const [kept] = await this.#options.state.readMany([checkpointRead(changelog, partition)])
    const offset = decodeCheckpoint(kept ?? null, changelog)?.offset ?? 0
    const end = role === 'active' ? offset : ((await this.#endsOf(changelog)).get(partition) ?? 0)
    return {
      role,
      position: { [topicPartitionId({ topic, partition })]: offset },
      lagRecords: Math.max(0, end - offset),
      lastAppliedMs,
    }
  }

  async #inputPosition(
    { topology, subTopology }: FoundStore,
    partition: Partition,
  ): Promise<Record<string, number>> {
    const { partitionedTopics } = compileTaskGraph(subTopology)
    const inputs = partitionedTopics.map(({ name }) => ({ topic: name, partition }))
    const committed = await this.#options.log.committedOffsets(topology, inputs)
    return Object.fromEntries(
      inputs.map((at, index) => [topicPartitionId(at), committed[index]?.offset ?? 0]),
    )
  }

  #endsOf(changelog: StoreChangelog): Promise<Ends> {
    const { log, clock } = this.#options
    const nowMs = clock.monotonicMs()
    const kept = this.#ends.get(changelog.store)
    if (kept !== undefined && nowMs - kept.atMs < endsKeptMs) return kept.ends
    const ends = endsOf(changelog, log)
    this.#ends.set(changelog.store, { atMs: nowMs, ends })
    ends.catch(() => this.#ends.delete(changelog.store))
    return ends
  }
}

async function endsOf({ topic }: StoreChangelog, log: Log): Promise<Ends> {
  const [description] = await log.describeTopics([topic])
  const { partitions } = present(description, `changelog ${topic}`)
  return new Map(partitions.map((at) => [at.partition, Number(at.lastStableOffset)]))
}

type Ends = ReadonlyMap<Partition, number>

async function entriesOf(reader: StoreReader, query: StoreQuery): Promise<ReadEntries> {
  switch (query.kind) {
    case 'key': {
      const entry = await reader.get(query.key)
      return { entries: entry === null ? [] : [entry], isCut: false }
    }
    case 'range':
      return reader.range(query)
    case 'windows':
      return reader.windows(query.key, query)
    case 'sessions':
      return reader.sessions(query.key, query)
  }
}
