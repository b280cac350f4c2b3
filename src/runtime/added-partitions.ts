/**
 * Partitions that a source topic was given while a topology reads it. They are not taken up: a key that moves there has
 * its state with another task (Kafka Streams stops at this point). So that nothing is lost in silence they are
 * looked for, told, and what stands in them counts as lag.
 */
import type { Clock } from '../core/clock.ts'
import { present } from '../core/assert.ts'
import type { TopicName } from '../core/record.ts'
import type { Log, TopicDescription } from '../log/log.ts'
import type { SourceNode, SubTopology, TopologyGraph } from '../topology/graph.ts'
import { partitionCountsOf } from '../topology/partition-counts.ts'
import type { AddedPartitions } from './runtime-status.ts'

export interface AddedPartitionsWatchOptions {
  readonly log: Log
  readonly clock: Clock
  readonly graphs: readonly TopologyGraph[]
  readonly defaultPartitionCount: number
  readonly intervalMs: number
}

export class AddedPartitionsWatch {
  readonly #options: AddedPartitionsWatchOptions
  readonly #topics: readonly TopicName[]
  #found: readonly AddedPartitions[] = []
  #cancel: (() => void) | null = null
  #isStopped = false

  constructor(options: AddedPartitionsWatchOptions) {
    this.#options = options
    this.#topics = sourceTopics(options.graphs)
  }

  /** As of the last look. */
  get found(): readonly AddedPartitions[] {
    return this.#found
  }

  start(): void {
    const { clock, intervalMs } = this.#options
    if (this.#isStopped || this.#topics.length === 0) return
    this.#cancel = clock.after(intervalMs, () => {
      void this.#look().then(() => {
        this.start()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  async #look(): Promise<void> {
    const { log, graphs, defaultPartitionCount } = this.#options
    try {
      const described = await log.describeTopics(this.#topics)
      this.#found = addedPartitions(graphs, defaultPartitionCount, described)
    } catch {
      // The log cannot say just now; those who read from it tell why.
    }
  }
}

/** Of the source topics that are described. */
export function addedPartitions(
  graphs: readonly TopologyGraph[],
  defaultPartitionCount: number,
  described: readonly TopicDescription[],
): AddedPartitions[] {
  const byName = new Map(described.map((description) => [description.name, description]))
  return graphs.flatMap((graph) => {
    const counts = partitionCountsOf(graph, defaultPartitionCount)
    return graph.subTopologies.flatMap((subTopology) =>
      sourcesOf(subTopology).flatMap(({ topic: { name }, broadcast }): AddedPartitions[] => {
        const known = present(counts.get(name), `partition count of ${name}`)
        const { partitions = [], partitionCount: now = 0 } = byName.get(name) ?? {}
        if (now <= known) return []
        const unread = partitions
          .slice(known)
          .reduce((sum, at) => sum + at.lastStableOffset - at.logStartOffset, 0)
        const effect = effectOf(broadcast, subTopology)
        const of = { topologyName: graph.name, subTopology: subTopology.index, topic: name }
        return [{ ...of, known, now, unread, effect }]
      }),
    )
  })
}

function effectOf(isBroadcast: boolean, { stores }: SubTopology): AddedPartitions['effect'] {
  if (isBroadcast) return 'broadcast'
  return stores.length > 0 ? 'keys-move' : 'stateless'
}

/** Of what others write; what a topology sends to itself goes to the partitions that it knows. */
function sourceTopics(graphs: readonly TopologyGraph[]): TopicName[] {
  const sources = graphs.flatMap(({ subTopologies }) => subTopologies.flatMap(sourcesOf))
  return [...new Set(sources.map(({ topic }) => topic.name))]
}

/** One a topic. */
function sourcesOf({ nodes }: SubTopology): SourceNode[] {
  const sources = nodes.filter((node) => node.kind === 'source')
  return [...new Map(sources.map((node) => [node.topic.name, node])).values()]
}
