/** Reads what is committed while it is committed, and tells for how long nothing was. */
import { systemClock as clock } from '../../src/core/clock.ts'
import { offset, partition, topicPartitionId } from '../../src/core/record.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { FetchedPartition, FetchPartition, Log } from '../../src/log/log.ts'

export interface Pause {
  /** Between two moments at which a reader of committed records got some; where input pauses, output does. */
  readonly silentMs: number
  /** From when a record's input was made until a reader got it, at most. */
  readonly waitedMs: number
}

interface Arrival {
  readonly atMs: number
  readonly waitedMs: number
}

const bytesMax = 4 * 1024 * 1024
const waitMaxMs = 500

/** Of topics whose records carry the time at which their input was made. */
export class CommitWatch {
  readonly #log: Log
  readonly #positions: FetchPartition[]
  readonly #arrivals = new Map<string, Arrival[]>()
  readonly #stopping = new AbortController()
  #reading: Promise<void> = Promise.resolve()

  constructor(log: Log, topics: readonly TopicName[], partitionCount: number) {
    this.#log = log
    this.#positions = topics.flatMap((topic) =>
      Array.from({ length: partitionCount }, (_, at) => ({
        topic,
        partition: partition(at),
        offset: offset(0),
      })),
    )
    for (const at of this.#positions) {
      this.#arrivals.set(topicPartitionId(at), [])
    }
  }

  start(): void {
    this.#reading = this.#read()
    // Thrown where it is stopped.
    this.#reading.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#reading
  }

  /** True where every partition has had records after the moment, as `Clock.nowMs`. */
  hasReadAllSince(sinceMs: number): boolean {
    return [...this.#arrivals.values()].every((all) => (all.at(-1)?.atMs ?? 0) > sinceMs)
  }

  /** By partition: the longest pauses that were not over at `fromMs` and had begun by `toMs`. */
  pauses(fromMs: number, toMs: number): ReadonlyMap<string, Pause> {
    return new Map([...this.#arrivals].map(([id, all]) => [id, longest(all, fromMs, toMs)]))
  }

  async #read(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const fetched = await this.#log.fetch({
        partitions: this.#positions,
        bytesMax,
        bytesPerPartitionMax: bytesMax,
        waitMaxMs,
        isolation: 'read_committed',
        signal,
      })
      const nowMs = clock.nowMs()
      for (const range of fetched) this.#note(range, nowMs)
    }
  }

  #note(range: FetchedPartition, nowMs: number): void {
    const id = topicPartitionId(range)
    const index = this.#positions.findIndex((at) => topicPartitionId(at) === id)
    const { topic, partition: number, nextOffset, records } = range
    this.#positions[index] = { topic, partition: number, offset: nextOffset }
    const waitedMs = Math.max(...records.map(({ timestampMs }) => nowMs - timestampMs))
    if (records.length > 0) this.#arrivals.get(id)?.push({ atMs: nowMs, waitedMs })
  }
}

function longest(arrivals: readonly Arrival[], fromMs: number, toMs: number): Pause {
  let [silentMs, waitedMs] = [0, 0]
  for (const [index, { atMs, waitedMs: waited }] of arrivals.entries()) {
    const beginMs = arrivals[index - 1]?.atMs
    if (beginMs === undefined || atMs < fromMs || beginMs > toMs) continue
    silentMs = Math.max(silentMs, atMs - beginMs)
    waitedMs = Math.max(waitedMs, waited)
  }
  return { silentMs, waitedMs }
}
