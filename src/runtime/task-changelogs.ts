/** What a task's commit says of its state: records for the changelogs of its stores. */
import type { Partition } from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type { PartitionRecords } from '../log/log.ts'
import { changelogRecords } from './changelog.ts'
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
  readonly #facts: FactChangelogs

  constructor(options: TaskChangelogsOptions) {
    this.#options = options
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
    const own = changes.filter(({ store }) => !this.#facts.has(store))
    return [...facts, ...changelogRecords(topologyName, partition, own, clock.nowMs())]
  }
}
