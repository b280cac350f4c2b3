/**
 * Joins the records of two streams that have one key and are close in time. Both sides are kept for as long as a partner
 * may come. A record of an outer side that finds none waits until its window has closed and goes out alone then (KIP-633),
 * so that no result is ever taken back.
 *
 * A pair is joined unless both windows have closed. A record whose own window has closed when it comes is late: without a
 * partner it is dropped, or, of an outer side, goes out alone at once. So is each record whose window lies before it, with
 * less grace than that; it is not counted as late unless it comes out of order.
 */
import type { Headers, StoreName } from '../core/record.ts'
import { noHeaders } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { WindowStore } from '../state/stores.ts'
import { dropReason, isFoldable } from './aggregate.ts'
import { joinEntrySerde } from './join-entry.ts'
import type { JoinEntry } from './join-entry.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import { idleCheckMs, TimeOrderedBuffer } from './time-ordered-buffer.ts'
import type { Released } from './time-ordered-buffer.ts'
import type { JoinWindows } from './windows.ts'

export interface JoinSide<V> {
  /** The parent that brings its records. */
  readonly parent: string
  readonly store: StoreName
  readonly valueSerde: Serde<V>
  /** True: its records without a partner go out alone. */
  readonly isOuter: boolean
}

export interface StreamStreamJoinOptions<K, VLeft, VRight, R> {
  readonly windows: JoinWindows
  readonly left: JoinSide<VLeft>
  readonly right: JoinSide<VRight>
  /** Where records wait that have no partner yet; null where neither side is outer. */
  readonly unjoined: StoreName | null
  readonly keySerde: Serde<K>
  readonly joiner: (left: VLeft | null, right: VRight | null, key: K) => R
}

/** A side as its own records see it. */
interface Side {
  readonly mark: number
  readonly side: JoinSide<any>
  readonly entrySerde: Serde<JoinEntry<any>>
  /** How far a partner's time may lie before and after its own. */
  readonly beforeMs: number
  readonly afterMs: number
  readonly join: (own: any, other: any, key: any) => any
}

export class StreamStreamJoinProcessor<K, VLeft, VRight, R> implements Processor<
  K,
  VLeft | VRight | null,
  K,
  R
> {
  readonly #options: StreamStreamJoinOptions<K, VLeft, VRight, R>
  readonly #left: Side
  readonly #right: Side
  #context!: ProcessorContext<K, R>
  #unjoined: TimeOrderedBuffer<Buffer> | null = null

  constructor(options: StreamStreamJoinOptions<K, VLeft, VRight, R>) {
    const { windows, left, right, joiner } = options
    this.#options = options
    this.#left = {
      // In Kafka Streams' order: of one moment the right side's records go out first.
      mark: 1,
      side: left,
      entrySerde: joinEntrySerde(left.valueSerde),
      beforeMs: windows.beforeMs,
      afterMs: windows.afterMs,
      join: joiner,
    }
    this.#right = {
      mark: 0,
      side: right,
      entrySerde: joinEntrySerde(right.valueSerde),
      beforeMs: windows.afterMs,
      afterMs: windows.beforeMs,
      join: (own: VRight | null, other: VLeft | null, key: K) => joiner(other, own, key),
    }
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    const { unjoined } = this.#options
    if (unjoined === null) return
    this.#unjoined = new TimeOrderedBuffer(context.store(unjoined))
    context.schedule(idleCheckMs, 'stream-time', () => this.#release(noHeaders))
  }

  prefetch(
    record: StreamRecord<K, VLeft | VRight | null>,
    parent: string,
    prefetch: Prefetch,
  ): void {
    if (!isFoldable(record)) return
    const { key, timestampMs } = record
    const { own, other } = this.#sides(parent)
    prefetch.windows(own.side.store, key, timestampMs, timestampMs)
    const fromMs = timestampMs - own.beforeMs
    prefetch.windows(other.side.store, key, fromMs, timestampMs + own.afterMs)
  }

  process(record: StreamRecord<K, VLeft | VRight | null>, parent: string): void | Promise<void> {
    const { own, other } = this.#sides(parent)
    if (!isFoldable(record)) {
      const hasValue = record.value !== null && record.value !== undefined
      // A key that is null finds no partner (KIP-962).
      if (hasValue && own.side.isOuter) this.#forwardAlone(record, own, 'input')
      else this.#context.countDropped(dropReason(record))
      return
    }
    const released = this.#release(record.headers)
    if (released === undefined) this.#join(record, own, other)
    else
      return released.then(() => {
        this.#join(record, own, other)
      })
  }

  #sides(parent: string): { own: Side; other: Side } {
    return parent === this.#options.left.parent
      ? { own: this.#left, other: this.#right }
      : { own: this.#right, other: this.#left }
  }

  #join(record: StreamRecord<K, VLeft | VRight>, own: Side, other: Side): void {
    const { key, value, timestampMs, headers } = record
    const isLate = this.#isClosed(own, timestampMs)
    const others = this.#rows(other)
    const fromMs = timestampMs - own.beforeMs
    const partners = others
      .fetchRange(key, fromMs, timestampMs + own.afterMs)
      .filter(({ windowStartMs }) => !(isLate && this.#isClosed(other, windowStartMs)))
    const isJoined = partners.length > 0
    const pairs: StreamRecord<K, R>[] = []
    try {
      for (const { windowStartMs, value: entry } of partners) {
        const latestMs = Math.max(timestampMs, windowStartMs)
        for (const otherValue of entry.values) {
          const joined = own.join(value, otherValue, key) as R
          pairs.push({ key, value: joined, timestampMs: latestMs, headers })
        }
      }
    } catch (thrown) {
      // As if the record had not come; what else goes out with it has closed all the same.
      this.#context.refuse(thrown, record)
      return
    }
    for (const near of partners) this.#noteJoined(key, other, near.windowStartMs, near.value)
    for (const pair of pairs) this.#context.forward(pair)
    const before = this.#rows(own).fetch(key, timestampMs)
    const entry = {
      values: [...(before?.values ?? []), value],
      isJoined: isJoined || before?.isJoined === true,
    }
    this.#rows(own).put(key, timestampMs, entry)
    if (isJoined) return
    if (!isLate && own.side.isOuter) {
      const bytes = own.entrySerde.serialize(entry)
      this.#unjoined?.put(this.#closeMs(own, timestampMs), this.#idOf(key, own), bytes)
    } else if (own.side.isOuter) this.#forwardAlone(record, own, 'input')
    else if (this.#isOutOfTime(own, timestampMs)) this.#context.countDropped('late')
  }

  /** Takes what has found its partner from among those that wait. */
  #noteJoined(key: K, other: Side, timestampMs: number, entry: JoinEntry<unknown>): void {
    if (!other.side.isOuter || entry.isJoined) return
    this.#rows(other).put(key, timestampMs, { ...entry, isJoined: true })
    if (this.#isClosed(other, timestampMs)) return
    this.#unjoined?.delete(this.#closeMs(other, timestampMs), this.#idOf(key, other))
  }

  #release(headers: Headers): void | Promise<void> {
    return this.#unjoined?.release(this.#context.streamTimeMs, (due) => {
      for (const waiting of due) this.#releaseOne(waiting, headers)
    })
  }

  #releaseOne({ dueMs, id, value }: Released<Buffer>, headers: Headers): void {
    const own = id[0] === this.#left.mark ? this.#left : this.#right
    const key = this.#options.keySerde.deserialize(id.subarray(1))
    const timestampMs = dueMs - this.#closeMs(own, 0)
    for (const alone of own.entrySerde.deserialize(value).values as VLeft[] | VRight[]) {
      this.#forwardAlone({ key, value: alone, timestampMs, headers }, own, 'earlier')
    }
  }

  #forwardAlone(record: StreamRecord<K>, own: Side, of: 'input' | 'earlier'): void {
    let value: R
    try {
      value = own.join(record.value, null, record.key) as R
    } catch (thrown) {
      this.#context.refuse(thrown, record, of)
      return
    }
    this.#context.forward({ ...record, value })
  }

  #idOf(key: K, { mark }: Side): Buffer {
    return Buffer.concat([Buffer.of(mark), this.#options.keySerde.serialize(key)])
  }

  /** The first stream time at which a record at that time waits for no partner any more. */
  #closeMs(own: Side, timestampMs: number): number {
    return timestampMs + own.afterMs + this.#options.windows.graceMs + 1
  }

  #isClosed(own: Side, timestampMs: number): boolean {
    return this.#closeMs(own, timestampMs) <= this.#context.streamTimeMs
  }

  /** Closed, and not because its window lies before it: then it is closed whenever it comes. */
  #isOutOfTime(own: Side, timestampMs: number): boolean {
    const { streamTimeMs } = this.#context
    return timestampMs + Math.max(0, own.afterMs) + this.#options.windows.graceMs < streamTimeMs
  }

  #rows({ side }: Side): WindowStore<K, JoinEntry<unknown>> {
    return this.#context.store(side.store)
  }
}
