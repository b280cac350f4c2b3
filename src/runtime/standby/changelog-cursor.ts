/** How far one changelog has been read into its store, and how far there is to go. */
import type { Clock } from '../../core/clock.ts'
import type { Offset, TopicPartition } from '../../core/record.ts'
import type { KeptTask, StoreChangelog } from '../kept-task.ts'
import type { RestoreReason, RestoreStatus } from '../runtime-status.ts'

export interface CursorStart {
  readonly task: KeptTask
  readonly changelog: StoreChangelog
  readonly offset: Offset
  readonly endOffset: Offset
  /** Null where only the tail is read. */
  readonly fromScratch: RestoreReason | null
}

export class ChangelogCursor {
  readonly task: KeptTask
  readonly changelog: StoreChangelog
  readonly at: TopicPartition
  readonly fromScratch: RestoreReason | null
  /** Up to here it is in the store. */
  offset: Offset
  /** Where the next fetch goes on: beyond `offset` while what was fetched is written. */
  fetchOffset: Offset
  /** Where the changelog ends: of a task that is restored when that began, of a standby as of the last fetch. */
  endOffset: Offset
  /** Records applied. */
  records = 0
  readonly #startOffset: Offset
  readonly #clock: Clock
  readonly #startedMs: number

  constructor(start: CursorStart, clock: Clock) {
    this.task = start.task
    this.changelog = start.changelog
    this.at = { topic: start.changelog.topic, partition: start.task.plan.partition }
    this.fromScratch = start.fromScratch
    this.offset = start.offset
    this.fetchOffset = start.offset
    this.endOffset = start.endOffset
    this.#startOffset = start.offset
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
  }

  get lag(): number {
    return Math.max(0, this.endOffset - this.offset)
  }

  status(): RestoreStatus {
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs
    const done = this.offset - this.#startOffset
    const perMs = elapsedMs <= 0 ? 0 : done / elapsedMs
    return {
      taskId: this.task.plan.id,
      store: this.changelog.store,
      topic: this.changelog.topic,
      fromScratch: this.fromScratch,
      restored: this.records,
      offsetsDone: done,
      offsetsTotal: this.endOffset - this.#startOffset,
      recordsPerSecond: elapsedMs <= 0 ? 0 : (this.records * 1000) / elapsedMs,
      remainingMs: perMs === 0 ? null : Math.round(this.lag / perMs),
    }
  }
}
