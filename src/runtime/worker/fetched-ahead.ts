/**
 * What a fetch has brought beyond what was asked for stays as it came, encoded and off the heap, and is where the next
 * fetch of the same reader begins (as the `CompletedFetch` of Kafka's consumer under `max.poll.records`): a decoded
 * record takes five to ten times its bytes, and a backlog comes in fetches of tens of thousands.
 */
import type { ConsumerRecord, Offset } from '../../core/record.ts'
import type { BatchCodec, FetchedBatches, PlacedBatch } from '../../log/encoded-log.ts'
import type { FetchedPartition, FetchPartition } from '../../log/log.ts'

export class FetchedAhead {
  readonly #codec: BatchCodec
  readonly #kept = new Map<string, FetchedBatches>()

  constructor(codec: BatchCodec) {
    this.#codec = codec
  }

  /** What is kept from exactly there; anything else that is kept of the partition is let go. */
  take({ topic, partition, offset }: FetchPartition): FetchedBatches | null {
    const id = `${topic}-${partition}`
    const kept = this.#kept.get(id)
    this.#kept.delete(id)
    return kept?.fetchOffset === offset ? kept : null
  }

  /** Batch by batch, until there are `recordsMax` or more; the other batches are kept. */
  decode(found: FetchedBatches, recordsMax: number): FetchedPartition {
    const { batches, fetchOffset, ...rest } = found
    const records: ConsumerRecord[] = []
    let count = 0
    let last: PlacedBatch | undefined
    for (const batch of batches) {
      if (records.length >= recordsMax) break
      for (const record of this.#codec.decode(batch, fetchOffset)) records.push(record)
      last = batch
      count += 1
    }
    if (count === batches.length || last === undefined) return { ...rest, records }
    const nextOffset = (last.lastOffset + 1) as Offset
    const { topic, partition } = rest
    const kept = { ...rest, fetchOffset: nextOffset, batches: batches.slice(count) }
    this.#kept.set(`${topic}-${partition}`, kept)
    return { ...rest, records, nextOffset }
  }
}
