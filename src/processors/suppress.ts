/**
 * Holds a table's updates back (Kafka Streams' `suppress`) and hands on the latest of each key when it is due by stream
 * time: with the window that it belongs to, or so long after the first update that was held back. On a quiet topic
 * stream time goes on with the wall clock (runtime/idle-time.ts), so nothing is held for ever.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import type { Buffered } from './buffered.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import { idleCheckMs, TimeOrderedBuffer } from './time-ordered-buffer.ts'
import type { Released } from './time-ordered-buffer.ts'

export interface SuppressOptions<K> {
  /** The latest update of each key that is held back. */
  readonly store: StoreName
  /** Their keys, by the time at which they are due. */
  readonly times: StoreName
  readonly keySerde: Serde<K>
  /** Stream time at which a key's updates are due, if this is the first one held back. */
  readonly dueMsOf: (key: K, timestampMs: number) => number
  /** True: a key that holds nothing when it is due was never handed on, and is not. */
  readonly isFinal: boolean
}

export class SuppressProcessor<K, V> implements Processor<K, Change<V>, K, Change<V>> {
  readonly #options: SuppressOptions<K>
  #context!: ProcessorContext<K, Change<V>>
  #latest!: KeyValueStore<K, Buffered<V>>
  #times!: TimeOrderedBuffer<Buffer>

  constructor(options: SuppressOptions<K>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    this.#latest = context.store(this.#options.store)
    this.#times = new TimeOrderedBuffer(context.store(this.#options.times))
    context.schedule(idleCheckMs, 'stream-time', () => this.#release())
  }

  prefetch({ key }: StreamRecord<K, Change<V>>, _parent: string, prefetch: Prefetch): void {
    prefetch.key(this.#options.store, key)
  }

  process(record: StreamRecord<K, Change<V>>): void | Promise<void> {
    const { key, value, timestampMs, headers } = record
    if (value.newValue === null && this.#isClosed(key, timestampMs)) return this.#release()
    const held = this.#latest.get(key)
    const { oldValue } = held === undefined ? value : held.change
    this.#latest.put(key, { change: { oldValue, newValue: value.newValue }, timestampMs, headers })
    if (held === undefined) {
      const { keySerde, dueMsOf } = this.#options
      this.#times.put(dueMsOf(key, timestampMs), keySerde.serialize(key), noBytes)
    }
    return this.#release()
  }

  /** A session that has closed is final, though a late record may still open a longer one in its place. It goes out
   * whether or not other records came between, and so however records were batched. */
  #isClosed(key: K, timestampMs: number): boolean {
    const { isFinal, dueMsOf } = this.#options
    return isFinal && dueMsOf(key, timestampMs) <= this.#context.streamTimeMs
  }

  #release(): void | Promise<void> {
    return this.#times.release(this.#context.streamTimeMs, (due) => this.#handOn(due))
  }

  async #handOn(due: readonly Released<Buffer>[]): Promise<void> {
    const keys = due.map(({ id }) => this.#options.keySerde.deserialize(id))
    await this.#latest.load(keys)
    for (const key of keys) {
      const held = this.#latest.get(key)
      if (held === undefined) continue
      this.#latest.delete(key)
      const { change, timestampMs, headers } = held
      if (this.#options.isFinal && change.newValue === null) continue
      this.#context.forward({ key, value: change, timestampMs, headers })
    }
  }
}

const noBytes = Buffer.alloc(0)
