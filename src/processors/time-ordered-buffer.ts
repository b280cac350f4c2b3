/**
 * What waits for a moment of stream time, in a key-value store in order of that moment (Kafka Streams'
 * `TimeOrderedKeyValueBuffer`). Putting and deleting read nothing. Releasing reads the store, and does so only where
 * something may be due, so a record whose time closes nothing awaits nothing (law 6).
 */
import type { Serde } from '../core/serde.ts'
import { TidemarkError } from '../core/errors.ts'
import type { KeyValueEntry, KeyValueStore } from '../state/stores.ts'

/** How often, in stream time, a buffer looks for what is due though no record has come its way: whenever it has moved.
 * It looks at one number, unless something is due. */
export const idleCheckMs = 1

/** Entries that one step of a release reads; bounds its memory. */
const pageEntriesMax = 1000

export interface Waiting {
  /** Stream time, milliseconds since the epoch. */
  readonly dueMs: number
  readonly id: Buffer
}

const timeBytes = 8
const signBit = 1n << 63n

/** Eight big-endian bytes with the sign bit turned, then the id: sorts by moment, then by id. */
export const waitingSerde: Serde<Waiting> = {
  serialize: ({ dueMs, id }) => {
    const bytes = Buffer.allocUnsafe(timeBytes + id.length)
    bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(dueMs)) ^ signBit)
    id.copy(bytes, timeBytes)
    return bytes
  },
  deserialize: (bytes) => {
    if (bytes.length < timeBytes) {
      throw new TidemarkError('FRAME_INVALID', `waiting key: ${bytes.length} bytes are too few`)
    }
    const dueMs = Number(BigInt.asIntN(64, bytes.readBigUInt64BE() ^ signBit))
    return { dueMs, id: bytes.subarray(timeBytes) }
  },
}

export interface Released<V> extends Waiting {
  readonly value: V
}

/** Some of what is due, in order; called again while there is more. */
export type Take<V> = (due: readonly Released<V>[]) => void | Promise<void>

export class TimeOrderedBuffer<V> {
  readonly #store: KeyValueStore<Waiting, V>
  /** Nothing is due before; null: not known, which the first release mends. */
  #earliestMs: number | null = null
  /** The last entry released: where the next scan begins, past the places of those that are gone. */
  #released: Waiting | null = null

  constructor(store: KeyValueStore<Waiting, V>) {
    this.#store = store
  }

  put(dueMs: number, id: Buffer, value: V): void {
    this.#store.put({ dueMs, id }, value)
    if (this.#earliestMs !== null) this.#earliestMs = Math.min(this.#earliestMs, dueMs)
    if (this.#released !== null && dueMs <= this.#released.dueMs) this.#released = null
  }

  delete(dueMs: number, id: Buffer): void {
    this.#store.delete({ dueMs, id })
  }

  /** Takes out, in order, what is due at `nowMs`. */
  release(nowMs: number, take: Take<V>): void | Promise<void> {
    if (this.#earliestMs !== null && this.#earliestMs > nowMs) return
    return this.#release(nowMs, take)
  }

  async #release(nowMs: number, take: Take<V>): Promise<void> {
    for (;;) {
      const page = await this.#page()
      const due: Released<V>[] = []
      for (const { key, value } of page) {
        if (key.dueMs > nowMs) break
        this.#store.delete(key)
        this.#released = key
        due.push({ ...key, value })
      }
      await take(due)
      if (due.length === pageEntriesMax) continue
      this.#earliestMs = page[due.length]?.key.dueMs ?? Infinity
      return
    }
  }

  #page(): Promise<readonly KeyValueEntry<Waiting, V>[]> {
    const from = this.#released === null ? {} : { from: this.#released }
    return this.#store.range({ ...from, entriesMax: pageEntriesMax })
  }
}
