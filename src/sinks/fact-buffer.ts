/**
 * Facts between the log and the sink: the last version of each key, undecoded, and how far each partition was
 * read. Only what is still the last of its key when the batch leaves is decoded.
 */
import type { ConsumerRecord, Offset, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { PartitionOffset } from '../log/log.ts'

export interface BufferedFact {
  readonly at: TopicPartition
  readonly record: ConsumerRecord
}

export class FactBuffer {
  /** Topic, then key, to the newest record of the key. */
  readonly #facts = new Map<string, Map<string, BufferedFact>>()
  readonly #offsets = new Map<string, PartitionOffset>()
  #rows = 0
  #bytes = 0
  #firstMs: number | null = null

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest record came in; null while there is none. */
  get firstMs(): number | null {
    return this.#firstMs
  }

  get isEmpty(): boolean {
    return this.#offsets.size === 0
  }

  /** A later record of a key takes the place of an earlier one: offsets of a key's partition only grow. */
  add(at: TopicPartition, record: ConsumerRecord, nowMs: number): void {
    let facts = this.#facts.get(at.topic)
    if (facts === undefined) {
      facts = new Map()
      this.#facts.set(at.topic, facts)
    }
    const key = record.key === null ? '' : record.key.toString('latin1')
    const before = facts.get(key)
    if (before === undefined) this.#rows++
    else this.#bytes -= sizeOf(before.record)
    this.#bytes += sizeOf(record)
    facts.set(key, { at, record })
    this.#firstMs ??= nowMs
  }

  /** The partition is read up to `offset`, records that were left out included. */
  advance(at: TopicPartition, offset: Offset): void {
    this.#offsets.set(topicPartitionId(at), {
      topic: at.topic,
      partition: at.partition,
      offset,
    })
  }

  topics(): Iterable<readonly [topic: string, facts: Iterable<BufferedFact>]> {
    return [...this.#facts].map(([topic, facts]) => [topic, facts.values()] as const)
  }

  offsets(): readonly PartitionOffset[] {
    return [...this.#offsets.values()]
  }
}

function sizeOf(record: ConsumerRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0)
}
