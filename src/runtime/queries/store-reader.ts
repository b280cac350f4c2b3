/**
 * The committed entries of one store in one partition, read past the task that writes them: what is in the state
 * backend was committed. Works for active tasks and standbys alike, in whatever thread the task runs.
 */
import type { Partition } from '../../core/record.ts'
import type { StateBackend, StateEntry } from '../../core/state.ts'
import { isTimestampedSerde, type Timestamped } from '../../processors/timestamped.ts'
import {
  dataEnd,
  dataKey,
  readTime,
  successor,
  timeBytes,
  unframeValue,
} from '../../state/key-layout.ts'
import type { StoreDefinition } from '../../state/stores.ts'

export interface ReadEntry {
  readonly keyBytes: Buffer
  readonly value: unknown
  /** Event time of a table's row; absent for other stores. */
  readonly timestampMs?: number
  /** Of a window or session. */
  readonly startMs?: number
  readonly endMs?: number
}

export interface ReadEntries {
  readonly entries: readonly ReadEntry[]
  /** What was found has the bytes that an answer may have: there may be more behind the last entry. */
  readonly isCut: boolean
}

interface ReadBounds {
  readonly entriesMax: number
  /** Serialized; at least one entry is read. */
  readonly bytesMax: number
}

/** Keys in [from, to) by serialized order; null is open. */
export interface KeyBounds extends ReadBounds {
  readonly from: Buffer | null
  readonly to: Buffer | null
}

export interface TimeBounds extends ReadBounds {
  readonly fromMs: number
  readonly toMs: number
}

/** One read of the backend brings so many entries at most. The first brings few: how large they are nobody knows. */
const pageEntriesMax = 1024
const firstPageEntriesMax = 16

export class StoreReader {
  readonly #backend: StateBackend
  readonly #definition: StoreDefinition
  readonly #partition: Partition

  /** @param backend of the topology (`ScopedState`) */
  constructor(backend: StateBackend, definition: StoreDefinition, partition: Partition) {
    this.#backend = backend
    this.#definition = definition
    this.#partition = partition
  }

  async get(keyBytes: Buffer): Promise<ReadEntry | null> {
    const key = dataKey(keyBytes.toString('latin1'))
    const [framed] = await this.#backend.readMany([{ ...this.#address(), key }])
    return framed === null || framed === undefined ? null : this.#entry(keyBytes, framed)
  }

  /** Of a key-value store, in order. */
  async range({ from, to, ...bounds }: KeyBounds): Promise<ReadEntries> {
    const found = new Found(bounds)
    const start = dataKey(from?.toString('latin1') ?? '')
    const end = to === null ? dataEnd : dataKey(to.toString('latin1'))
    for await (const { key, value } of this.#scan(start, end, bounds)) {
      found.add(this.#entry(key.subarray(1), value), value)
      if (found.isFull) break
    }
    return found
  }

  /** Windows of the key that start in [fromMs, toMs], ascending. */
  async windows(keyBytes: Buffer, bounds: TimeBounds): Promise<ReadEntries> {
    const { windowSizeMs } = this.#definition as { readonly windowSizeMs?: number }
    const found = new Found(bounds)
    for await (const { key, value } of this.#timed(keyBytes, bounds, timeBytes)) {
      const startMs = readTime(key, key.length - timeBytes)
      const entry = this.#entry(keyBytes, value)
      const times = windowSizeMs === undefined ? {} : { endMs: startMs + windowSizeMs }
      found.add(entry === null ? null : { ...entry, startMs, ...times }, value)
      if (found.isFull) break
    }
    return found
  }

  /** Sessions of the key that overlap [fromMs, toMs], by their ends. */
  async sessions(keyBytes: Buffer, bounds: TimeBounds): Promise<ReadEntries> {
    const found = new Found(bounds)
    const open = { ...bounds, toMs: Infinity }
    for await (const { key, value } of this.#timed(keyBytes, open, 2 * timeBytes)) {
      const endMs = readTime(key, key.length - 2 * timeBytes)
      const startMs = readTime(key, key.length - timeBytes)
      if (startMs > bounds.toMs) continue
      const entry = this.#entry(keyBytes, value)
      found.add(entry === null ? null : { ...entry, startMs, endMs }, value)
      if (found.isFull) break
    }
    return found
  }

  /** One key may be a prefix of another, so a scan between two times of a key meets other keys, and checks. */
  async *#timed(
    keyBytes: Buffer,
    { fromMs, toMs, ...bounds }: TimeBounds,
    suffixBytes: number,
  ): AsyncGenerator<StateEntry> {
    const keyText = keyBytes.toString('latin1')
    const start = dataKey(keyText, fromMs)
    const last = dataKey(keyText, toMs)
    // Above every second time that may follow the first one.
    const end = Buffer.concat([last, Buffer.alloc(suffixBytes - timeBytes, 0xff), Buffer.from([0])])
    for await (const entry of this.#scan(start, end, bounds)) {
      const { key } = entry
      if (key.length !== 1 + keyBytes.length + suffixBytes) continue
      if (key.subarray(1, 1 + keyBytes.length).equals(keyBytes)) yield entry
    }
  }

  async *#scan(
    from: Buffer,
    to: Buffer,
    { entriesMax: wanted, bytesMax }: ReadBounds,
  ): AsyncGenerator<StateEntry> {
    const most = Math.min(Math.max(wanted, firstPageEntriesMax), pageEntriesMax)
    let entriesMax = firstPageEntriesMax
    let next = from
    while (next.compare(to) < 0) {
      const page = await this.#backend.scan({ ...this.#address(), from: next, to, entriesMax })
      yield* page
      const last = page.at(-1)
      if (last === undefined || page.length < entriesMax) return
      next = successor(last.key)
      const largest = Math.max(...page.map(({ value }) => value.length), 1)
      entriesMax = Math.max(Math.min(most, Math.floor(bytesMax / largest)), 1)
    }
  }

  #address() {
    return { store: this.#definition.name, partition: this.#partition }
  }

  /** Null where the store remembers that the key was deleted. */
  #entry(keyBytes: Buffer, framed: Buffer): ReadEntry | null {
    const { name, valueSerde } = this.#definition
    const value: unknown = valueSerde.deserialize(unframeValue(framed, name))
    if (!isTimestampedSerde(valueSerde)) return { keyBytes, value }
    const row = value as Timestamped<unknown>
    return row.value === null ? null : { keyBytes, value: row.value, timestampMs: row.timestampMs }
  }
}

class Found implements ReadEntries {
  readonly entries: ReadEntry[] = []
  readonly #bounds: ReadBounds
  #bytes = 0

  constructor(bounds: ReadBounds) {
    this.#bounds = bounds
  }

  add(entry: ReadEntry | null, serialized: Buffer): void {
    if (entry === null) return
    this.entries.push(entry)
    this.#bytes += entry.keyBytes.length + serialized.length
  }

  get isFull(): boolean {
    return this.entries.length >= this.#bounds.entriesMax || this.isCut
  }

  get isCut(): boolean {
    return this.#bytes >= this.#bounds.bytesMax
  }
}
