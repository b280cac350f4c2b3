/** What a consumer's partitions have next, as far as the log can be asked. */
import { pause, type Clock } from '../core/clock.ts'
import { topicPartitionId, type Offset, type TopicPartition } from '../core/record.ts'
import type { FetchedPartition, FetchRequest, Log } from '../log/log.ts'
import type { FactPositions } from './fact-positions.ts'
import { passes } from './passing.ts'

export interface FactFetchOptions {
  readonly log: Log
  readonly clock: Clock
  readonly positions: FactPositions
  readonly fetchBytesMax: number
  /** The log has removed what was asked for: the partition goes on there. */
  readonly onPassed: (at: TopicPartition, to: Offset) => void
}

const retryMs = 500

export class FactFetch {
  readonly #options: FactFetchOptions
  #outage: string | null = null

  constructor(options: FactFetchOptions) {
    this.#options = options
  }

  /** Why the log cannot be reached now; null while it can. */
  get outage(): string | null {
    return this.#outage
  }

  /** Nothing, after a while, where there is nothing; the positions go on behind what is returned. */
  async next(waitMaxMs: number, signal: AbortSignal): Promise<readonly FetchedPartition[]> {
    const { clock, positions, fetchBytesMax } = this.#options
    const partitions = positions.all().map(({ at, next }) => ({ ...at, offset: next }))
    if (partitions.length === 0) {
      await pause(clock, waitMaxMs, signal)
      return []
    }
    const fetched = await this.#fetch({
      partitions,
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs,
      isolation: 'read_committed',
      signal,
    })
    const asked = new Map(partitions.map((at) => [topicPartitionId(at), at.offset]))
    return fetched.filter((partition) => {
      const position = positions.get(partition)
      // Revoked, or set back, while the fetch was under way.
      if (position === undefined || position.next !== asked.get(topicPartitionId(partition))) {
        return false
      }
      position.lastStable = partition.lastStableOffset
      if (partition.nextOffset === position.next) return false
      position.next = partition.nextOffset
      return true
    })
  }

  async #fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { log, clock, positions, onPassed } = this.#options
    try {
      const fetched = await positions.fetchOrPass(log, request, onPassed)
      this.#outage = null
      return fetched
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
      this.#outage = thrown.message
      await pause(clock, retryMs, request.signal)
      return []
    }
  }
}
