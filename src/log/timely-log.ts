/**
 * A log as the doors see it: who waits at a door is answered in time, also while the servers of the log are away.
 *
 * What was given to the log cannot be taken back: an append that is overdue goes on behind its caller, who is told that
 * it may still be written. Until its outcome is known, further appends to its partitions are refused at once, and
 * nothing of them is taken: so what gathers while brokers are away stays bounded.
 */
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { TopicName, TopicPartition } from '../core/record.ts'
import type {
  AppendResult,
  FetchedPartition,
  FetchRequest,
  GroupMember,
  GroupMetadata,
  JoinGroupOptions,
  Log,
  PartitionOffset,
  PartitionRecords,
  TopicDescription,
  TopicSpec,
  TransactionalProducer,
} from './log.ts'

export interface TimelyLogOptions {
  readonly clock: Clock
  readonly waitMaxMs: number
  /** What the messages call `waitMaxMs`. */
  readonly settingName: string
}

/** When a client should come again. */
const retryAfterMs = 2_000

export class TimelyLog implements Log {
  readonly #log: Log
  readonly #options: TimelyLogOptions
  /** By partition, appends whose callers were told that they are late. */
  readonly #overdue = new Map<string, number>()

  constructor(log: Log, options: TimelyLogOptions) {
    this.#log = log
    this.#options = options
  }

  get sharesState(): boolean {
    return this.#log.sharesState
  }

  get lastRetryMs(): number | null {
    return this.#log.lastRetryMs ?? null
  }

  /** @throws TidemarkError KAFKA_UNREACHABLE also where it is late, or an earlier one of the same partition still is */
  async append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]> {
    const ids = batches.map(topicPartitionId)
    const stuck = ids.find((id) => this.#overdue.has(id))
    if (stuck !== undefined)
      throw away(`${stuck} waits for Kafka; nothing was taken, send it later`)
    const appending = this.#log.append(batches)
    return await this.#inTime(appending, () => {
      this.#keepOverdue(ids, appending)
      return (
        `Kafka has not confirmed the records within ${this.#bound()}; they may still be written: ` +
        'send them again, an event that comes twice counts once'
      )
    })
  }

  async describeTopics(names?: readonly TopicName[]): Promise<readonly TopicDescription[]> {
    return await this.#asked(this.#log.describeTopics(names))
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return await this.#asked(this.#log.fetch(request), request.waitMaxMs)
  }

  async committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]> {
    return await this.#asked(this.#log.committedOffsets(groupId, partitions))
  }

  // What follows is no door's business, and takes the time it takes.

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.#log.createTopics(specs)
  }

  transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    return this.#log.transactionalProducer(transactionalId)
  }

  commitOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): Promise<void> {
    return this.#log.commitOffsets(group, offsets)
  }

  joinGroup(options: JoinGroupOptions): Promise<GroupMember> {
    return this.#log.joinGroup(options)
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.#log.deleteRecords(before)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #asked<T>(answer: Promise<T>, longerMs = 0): Promise<T> {
    const late = () => `Kafka has not answered within ${this.#bound()}; ask again later`
    return this.#inTime(answer, late, longerMs)
  }

  async #inTime<T>(work: Promise<T>, late: () => string, longerMs = 0): Promise<T> {
    const { clock, waitMaxMs } = this.#options
    const over = Promise.withResolvers<never>()
    const cancel = clock.after(waitMaxMs + longerMs, () => {
      over.reject(away(late()))
    })
    try {
      return await Promise.race([work, over.promise])
    } finally {
      cancel()
    }
  }

  #keepOverdue(ids: readonly string[], appending: Promise<unknown>): void {
    for (const id of ids) this.#overdue.set(id, (this.#overdue.get(id) ?? 0) + 1)
    const forget = () => {
      for (const id of ids) {
        const left = (this.#overdue.get(id) ?? 0) - 1
        if (left > 0) this.#overdue.set(id, left)
        else this.#overdue.delete(id)
      }
    }
    void appending.then(forget, forget)
  }

  #bound(): string {
    const { settingName, waitMaxMs } = this.#options
    return `${settingName}, ${waitMaxMs} ms`
  }
}

function away(message: string): TidemarkError {
  return new TidemarkError('KAFKA_UNREACHABLE', message, { details: { retryAfterMs } })
}
