/**
 * Where the tasks of a topology run, as interactive queries need to know it. In the cluster the runtime keeps this
 * from the group's assignment; one process alone is its own only host (`singleHost`).
 */
import type { Partition, StoreName } from '../../core/record.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import { taskCountOf } from '../../topology/partition-counts.ts'

/** An instance's console port, as others reach it: `http://tidemark-1.tidemark:8080`. */
export type HostUrl = string

export interface TaskHosts {
  readonly subTopology: number
  readonly partition: Partition
  /** Null while nobody runs it. */
  readonly active: HostUrl | null
  readonly standbys: readonly HostUrl[]
}

export interface TopologyHosts {
  /** This instance among them. */
  readonly self: HostUrl
  /** From when the group begins to share out anew until this member has its part. */
  readonly isRebalancing: boolean
  /** False from when this member had to let go of its tasks until it has joined again. */
  readonly isMember: boolean
  /** Another process of the group says that it is at this one's address: what it runs counts as run here. */
  readonly isSelfShared: boolean
  readonly tasks: readonly TaskHosts[]
}

/** A copy of a task's state in this process. */
export interface HeldTask {
  /** `restoring`: it will be active, and has not yet read its changelogs to their ends. */
  readonly role: 'active' | 'standby' | 'restoring'
  /** When a changelog record was last applied, milliseconds since the epoch; null where none was since the start. */
  readonly lastAppliedMs: number | null
  /** Stores, as the state backend calls them, that were begun from scratch and have not held all of their changelogs
   * once: what is not in them may exist. */
  readonly incomplete: readonly StoreName[]
  /** How long the changelogs take to be read to their ends, at the pace so far; null where that is not known. */
  readonly remainingMs: number | null
}

/** Of a task that runs here. */
export const runningTask: HeldTask = {
  role: 'active',
  lastAppliedMs: null,
  incomplete: [],
  remainingMs: null,
}

export interface QueryableRuntime {
  /** Null where no such topology runs here. */
  hostsOf(topology: string): TopologyHosts | null
  /** Null where this process holds no copy of it. */
  heldTask(topology: string, subTopology: number, partition: Partition): HeldTask | null
}

/** Of a process that runs all tasks itself. @param self asked each time: the port may be known after the start */
export function singleHost(
  graphs: readonly TopologyGraph[],
  defaultPartitionCount: number,
  self: () => HostUrl,
): QueryableRuntime {
  const byName = new Map(graphs.map((graph) => [graph.name, graph]))
  return {
    hostsOf: (topology) => {
      const graph = byName.get(topology)
      if (graph === undefined) return null
      const tasks = graph.subTopologies.flatMap((subTopology) =>
        Array.from({ length: taskCountOf(subTopology, defaultPartitionCount) }, (_, index) => ({
          subTopology: subTopology.index,
          partition: index as Partition,
          active: self(),
          standbys: [],
        })),
      )
      return { self: self(), isRebalancing: false, isMember: true, isSelfShared: false, tasks }
    },
    heldTask: (topology) => (byName.has(topology) ? runningTask : null),
  }
}
