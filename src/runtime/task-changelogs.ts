/** What a task's commit says of its state: records for the changelogs of its stores, and positions in sources. */
import type { Partition, StoreName } from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type { PartitionOffset, PartitionRecords } from '../log/log.ts'
import { changelogRecords, sourcesOf } from './changelog.ts'
import type { Sources } from './changelog.ts'
import { FactChangelogs } from './fact-changelog.ts'
import type { FactChangelogsOptions } from './fact-changelog.ts'
import type { StateKeeper } from './state-keeper.ts'

export interface TaskChangelogsOptions extends FactChangelogsOptions {
  readonly topologyName: string
  readonly partition: Partition
  /** Null where the log shares its storage with the state: of changelogs it needs those that are facts. */
  readonly stateKeeper: StateKeeper | null
}

export class TaskChangelogs {
  readonly #options: TaskChangelogsOptions
  /** Tables that are restored from the topic they are read from. */
  readonly #sources: Sources
  readonly #facts: FactChangelogs

  constructor(options: TaskChangelogsOptions) {
    this.#options = options
    this.#sources = sourcesOf(options.subTopology)
    this.#facts = new FactChangelogs(options)
  }

  /** Facts that the last `take` gave. */
  get factCount(): number {
    return this.#facts.recordCount
  }

  /** @throws as `FactChangelogs.take` */
  take(changes: readonly StateChange[], streamTimeMs: number): PartitionRecords[] {
    const { topologyName, partition, stateKeeper, clock } = this.#options
    const facts = this.#facts.take(changes, streamTimeMs)
    if (stateKeeper === null) return facts
    const own = changes.filter(({ store }) => this.#hasOwn(store))
    return [...facts, ...changelogRecords(topologyName, partition, own, clock.nowMs())]
  }

  /** Of the positions of a commit: those that say how far tables are. */
  sourcesIn(offsets: readonly PartitionOffset[]): PartitionOffset[] {
    return offsets.filter(({ topic }) => this.#sources.topics.has(topic))
  }

  #hasOwn(store: StoreName): boolean {
    return !this.#sources.stores.has(store) && !this.#facts.has(store)
  }
}
