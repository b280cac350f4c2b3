/**
 * Repartition topics carry records from one task to another and have no retention: what the reading task has
 * committed is deleted, as Kafka Streams purges them.
 */
import { AssertionError } from '../core/assert.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { partition, type TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'

/**
 * Records that cannot be deleted stay: work goes on, an operator is told, and the next run tries again. Nothing depends on
 * them being gone, and much of what stands against it passes: a leader that was just elected refuses offsets until it has
 * heard from its followers how far they are.
 */
export class RepartitionPurge {
  readonly #log: Log
  readonly #warn: (line: string) => void
  #refusal: string | null = null

  /** @param warn called once, not again before records could be deleted */
  constructor(log: Log, warn: (line: string) => void) {
    this.#log = log
    this.#warn = warn
  }

  /** Why nothing is deleted; null where it is. */
  get refusal(): string | null {
    return this.#refusal
  }

  async run(graphs: readonly TopologyGraph[]): Promise<void> {
    let refusal: string | null = null
    for (const graph of graphs) {
      try {
        await purgeRepartitionTopics(this.#log, [graph])
      } catch (thrown) {
        if (thrown instanceof AssertionError) throw thrown
        // Brokers that are away are told of elsewhere.
        if (thrown instanceof TidemarkError && thrown.reaction === 'retry') throw thrown
        const isRefused = thrown instanceof TidemarkError && thrown.code === 'KAFKA_REFUSED'
        const verb = isRefused ? 'may not' : 'cannot'
        refusal ??= `repartition topics grow, because their records ${verb} be deleted: ${messageOf(thrown)}`
      }
    }
    if (refusal !== null && this.#refusal === null) this.#warn(refusal)
    this.#refusal = refusal
  }
}

export async function purgeRepartitionTopics(
  log: Log,
  graphs: readonly TopologyGraph[],
): Promise<void> {
  for (const graph of graphs) {
    const names = graph.nodes.flatMap((node) =>
      node.kind === 'repartition-source' ? [node.topic.name] : [],
    )
    if (names.length === 0) continue
    const described = await log.describeTopics(names)
    const partitions: TopicPartition[] = described.flatMap(({ name, partitions: all }) =>
      all.map((each) => ({ topic: name, partition: partition(each.partition) })),
    )
    const committed = await log.committedOffsets(graph.name, partitions)
    const before = committed.filter((position) => position !== null)
    if (before.length > 0) await log.deleteRecords(before)
  }
}
