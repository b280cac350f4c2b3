/** How far each of a consumer's partitions is read, written, and filled. */
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import { SkipCount } from '../core/skipped-records.ts'
import type { FetchedPartition, FetchRequest, Log } from '../log/log.ts'

export interface FactPosition {
  readonly at: TopicPartition
  /** Where the next fetch goes on. */
  next: Offset
  /** Up to here rows are queryable and committed. */
  written: Offset
  lastStable: Offset
}

export class FactPositions {
  /** Facts that the log removed before they were written. */
  readonly skips = new SkipCount()
  readonly #positions = new Map<string, FactPosition>()
  readonly #log: Pick<Log, 'endOffsetNow'>

  constructor(log: Pick<Log, 'endOffsetNow'>) {
    this.#log = log
  }

  add(at: TopicPartition, next: Offset): void {
    this.#positions.set(topicPartitionId(at), { at, next, written: next, lastStable: next })
  }

  delete(at: TopicPartition): void {
    this.#positions.delete(topicPartitionId(at))
  }

  get(at: TopicPartition): FactPosition | undefined {
    return this.#positions.get(topicPartitionId(at))
  }

  all(): readonly FactPosition[] {
    return [...this.#positions.values()]
  }

  /** What was read and not written is read again. */
  setBack(): void {
    for (const position of this.#positions.values()) position.next = position.written
    this.skips.setBack()
  }

  /** Up to here rows are queryable and committed. */
  committed(at: TopicPartition, offset: Offset, nowMs: number): void {
    const position = this.get(at)
    if (position !== undefined) position.written = offset
    this.skips.committed(at, offset, nowMs)
  }

  /** Nothing where the log has removed what was asked for: the partitions go on where they begin now, and what was
   * passed is counted with the commit that is beyond it. */
  async fetchOrPass(
    log: Log,
    request: FetchRequest,
    onPassed: (at: TopicPartition, to: Offset) => void,
  ): Promise<readonly FetchedPartition[]> {
    try {
      return await log.fetch(request)
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError && thrown.code === 'OFFSET_OUT_OF_RANGE')) throw thrown
      if (!(await this.#passRemoved(log, onPassed))) throw thrown
      return []
    }
  }

  async #passRemoved(
    log: Log,
    onPassed: (at: TopicPartition, to: Offset) => void,
  ): Promise<boolean> {
    const topics = [...new Set(this.all().map(({ at }) => at.topic))]
    let hasPassed = false
    for (const { name: topic, partitions } of await log.describeTopics(topics)) {
      for (const { partition, logStartOffset } of partitions) {
        const position = this.get({ topic, partition })
        if (position === undefined || position.next >= logStartOffset) continue
        this.skips.note(position.at, position.next, logStartOffset)
        position.next = logStartOffset
        onPassed(position.at, logStartOffset)
        hasPassed = true
      }
    }
    return hasPassed
  }

  /** Facts that are not yet queryable, of one topic or of all: up to where a log that knows its ends says that they end
   * now, else up to where they ended when that was last seen. */
  lag(topic?: TopicName | string): number {
    let lag = 0
    for (const { at, lastStable, written } of this.#positions.values()) {
      if (topic !== undefined && at.topic !== topic) continue
      lag += Math.max(0, (this.#log.endOffsetNow?.(at) ?? lastStable) - written)
    }
    return lag
  }
}
