/** Which facts are queryable, whichever member of the group writes them. */
import type { TopicName } from '../core/record.ts'
import type { Log, PartitionOffset } from '../log/log.ts'
import type { FactPositions } from './fact-positions.ts'
import type { FactTables } from './fact-tables.ts'
import { passes } from './passing.ts'

export interface WrittenFactsOptions {
  readonly log: Log
  readonly topics: readonly TopicName[]
  /** Of this member. */
  readonly positions: FactPositions
  readonly tables: FactTables
}

export class WrittenFacts {
  readonly #options: WrittenFactsOptions

  constructor(options: WrittenFactsOptions) {
    this.#options = options
  }

  /** Where the topics end now, all their partitions. */
  async ends(): Promise<readonly PartitionOffset[]> {
    const { log, topics } = this.#options
    const described = await log.describeTopics(topics)
    return described.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partition, lastStableOffset: offset }) => ({ topic, partition, offset })),
    )
  }

  /** A full batch waits for the sink; meanwhile the lag must be seen to grow, where the log can be asked. */
  async refreshLag(): Promise<void> {
    try {
      for (const { offset, ...at } of await this.ends()) {
        const position = this.#options.positions.get(at)
        if (position !== undefined) position.lastStable = offset
      }
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
    }
  }

  /** What another member writes, or nobody while the group shares its partitions out anew, is looked up in the log:
   * offsets are committed after their rows are queryable. */
  async reach(ends: readonly PartitionOffset[], signal: AbortSignal): Promise<boolean> {
    const { tables } = this.#options
    const { version } = tables
    // What is found says something of the tables that it was found for.
    return (await this.#reach(ends)) && (await tables.isStill(version, signal))
  }

  async #reach(ends: readonly PartitionOffset[]): Promise<boolean> {
    const { positions, tables } = this.#options
    const others: PartitionOffset[] = []
    for (const end of ends) {
      const own = positions.get(end)
      if (own === undefined) others.push(end)
      else if (own.written < end.offset) return false
    }
    if (others.length === 0) return true
    try {
      const starts = await tables.starts(others)
      return others.every(({ offset }, index) => (starts[index] ?? 0) >= offset)
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
      return false
    }
  }
}
