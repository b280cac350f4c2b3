/**
 * Folds the records of each key and sliding window into one value (KIP-450). Each record at time t has a window that
 * ends with it, [t − difference, t], and, once a later record shares it, one that begins just after it,
 * [t + 1, t + 1 + difference]; so there is a window for each set of records that such an interval can hold, and no
 * two windows of a key hold the same set for long. A record is folded into every window that is there and holds its
 * time; windows that it makes begin with what an existing window knows of their records.
 *
 * A window that has closed hands nothing on, but still takes the records that come in time for later windows: those
 * begin with what it knows. (Kafka Streams leaves such records out of it, and so out of windows that are open.)
 * As in Kafka Streams no window starts before the epoch: records before `differenceMs` share the window that starts there.
 */
import type { StoreName } from '../core/record.ts'
import type { WindowEntry, WindowStore } from '../state/stores.ts'
import { dropReason, isFoldable } from './aggregate.ts'
import type { Add } from './aggregate.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'
import { openWindowEmitter } from './window-emitter.ts'
import type { WindowEmitter, WindowEmitterOptions } from './window-emitter.ts'
import type { Windowed } from './windowed.ts'
import { closeMsOf } from './windows.ts'
import type { SlidingWindows } from './windows.ts'

export interface SlidingAggregateOptions<K, V, A> extends WindowEmitterOptions<K> {
  readonly windows: SlidingWindows
  readonly store: StoreName
  readonly add: Add<K, V, A>
}

type Row<A> = Timestamped<A>

export class SlidingAggregateProcessor<K, V, A> implements Processor<
  K,
  V | null,
  Windowed<K>,
  Change<A>
> {
  readonly #options: SlidingAggregateOptions<K, V, A>
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #rows!: WindowStore<K, Row<A>>
  #emitter!: WindowEmitter<K, A>
  constructor(options: SlidingAggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    this.#emitter = openWindowEmitter(context, this.#options)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (!isFoldable(record)) return
    const { key, timestampMs } = record
    prefetch.windows(this.#options.store, key, this.#earliestStartMs(timestampMs), timestampMs + 1)
  }

  process(record: StreamRecord<K, V | null>, parent: string): void | Promise<void> {
    if (!isFoldable(record)) {
      this.#context.countDropped(dropReason(record))
      return this.#emitter.settle(record.headers)
    }
    const { timestampMs } = record
    if (this.#isClosed(timestampMs)) this.#context.countDropped('late')
    else if (this.#isEarly(timestampMs)) this.#foldEarly(record, parent)
    else this.#fold(record, parent)
    return this.#emitter.settle(record.headers)
  }

  flush(): void {
    this.#emitter.flush()
  }

  #fold(record: StreamRecord<K, V & {}>, parent: string): void {
    const { key, timestampMs } = record
    const { differenceMs } = this.#options.windows
    const near = this.#near(key, timestampMs)
    const starts = new Set(near.map(({ windowStartMs }) => windowStartMs))
    const ends = (window: WindowEntry<K, Row<A>>) => window.windowStartMs + differenceMs
    const holding = near.filter(
      (window) => ends(window) >= timestampMs && window.windowStartMs <= timestampMs,
    )
    const before = near.filter((window) => ends(window) < timestampMs).at(-1)
    const left = holding.find((window) => ends(window) === timestampMs)
    const right = holding.filter((window) => ends(window) > timestampMs).at(-1)
    for (const { windowStartMs, value } of [...holding].reverse()) {
      this.#update(record, parent, windowStartMs, value, value.value)
    }
    const previousMs = previousTimeMs(before, left, timestampMs)
    const leftStartMs = timestampMs - differenceMs
    // The window after the previous record; where it begins with this record's own, they are one.
    if (previousMs !== null && previousMs >= leftStartMs && !starts.has(previousMs + 1)) {
      this.#update(record, parent, previousMs + 1, null, null)
    }
    if (left === undefined) {
      const isShared = previousMs !== null && previousMs >= leftStartMs
      this.#update(record, parent, leftStartMs, isShared ? (before?.value ?? null) : null, null)
    }
    if (!starts.has(timestampMs + 1)) this.#beginAfter(record, right?.value)
  }

  #foldEarly(record: StreamRecord<K, V & {}>, parent: string): void {
    const { key, timestampMs } = record
    const near = this.#near(key, timestampMs)
    const starts = new Set(near.map(({ windowStartMs }) => windowStartMs))
    const shared = near.find(({ windowStartMs }) => windowStartMs === 0)?.value ?? null
    const holding = near.filter(
      ({ windowStartMs }) => windowStartMs > 0 && windowStartMs <= timestampMs,
    )
    for (const { windowStartMs, value } of holding) {
      this.#update(record, parent, windowStartMs, value, value.value)
    }
    const right = holding.at(-1)?.value ?? shared ?? undefined
    if (!starts.has(timestampMs + 1)) this.#beginAfter(record, right)
    if (shared !== null && shared.timestampMs < timestampMs) {
      const startMs = shared.timestampMs + 1
      if (!starts.has(startMs)) this.#update(record, parent, startMs, null, null)
    }
    this.#update(record, parent, 0, shared, shared?.value ?? null)
  }

  /** Of the windows that a record at that time meets, ascending. */
  #near(key: K, timestampMs: number): readonly WindowEntry<K, Row<A>>[] {
    return this.#rows.fetchRange(key, this.#earliestStartMs(timestampMs), timestampMs + 1)
  }

  #earliestStartMs(timestampMs: number): number {
    const earliestMs = timestampMs - 2 * this.#options.windows.differenceMs
    return timestampMs >= 0 ? Math.max(0, earliestMs) : earliestMs
  }

  #isEarly(timestampMs: number): boolean {
    return timestampMs >= 0 && timestampMs < this.#options.windows.differenceMs
  }

  #isClosed(windowStartMs: number): boolean {
    const { windows } = this.#options
    const endMs = windowStartMs + windows.differenceMs
    return closeMsOf(windows, endMs) <= this.#context.streamTimeMs
  }

  /** @param known what the window's fold goes on from
   * @param oldValue what the window itself held */
  #update(
    record: StreamRecord<K, V & {}>,
    parent: string,
    windowStartMs: number,
    known: Row<A> | null,
    oldValue: A | null,
  ): void {
    const { key, value } = record
    const newValue = this.#options.add(key, value, known?.value ?? null, parent)
    const timestampMs =
      known === null || known.value === null || oldValue === null
        ? record.timestampMs
        : Math.max(record.timestampMs, known.timestampMs)
    this.#put(record, windowStartMs, oldValue, newValue, timestampMs)
  }

  /** The window that begins just after the record, where one that holds the record also holds later ones: they are
   * all of its records, because no window begins between. */
  #beginAfter(record: StreamRecord<K, V & {}>, right: Row<A> | undefined): void {
    const { timestampMs } = record
    if (right === undefined || right.value === null || right.timestampMs <= timestampMs) return
    this.#put(record, timestampMs + 1, null, right.value, right.timestampMs)
  }

  #put(
    { key, headers }: StreamRecord<K, V & {}>,
    windowStartMs: number,
    oldValue: A | null,
    newValue: A | null,
    timestampMs: number,
  ): void {
    if (newValue === null) this.#rows.delete(key, windowStartMs)
    else this.#rows.put(key, windowStartMs, { value: newValue, timestampMs })
    if (this.#isClosed(windowStartMs) || (oldValue === null && newValue === null)) return
    const windowEndMs = windowStartMs + this.#options.windows.differenceMs
    const windowed = { key, windowStartMs, windowEndMs }
    this.#emitter.emit({ key: windowed, value: { oldValue, newValue }, timestampMs, headers })
  }
}

/** The time of the last record before `timestampMs`; null where the windows near know of none, or where a record of
 * just this time has made what follows from it already. */
function previousTimeMs<K, A>(
  before: WindowEntry<K, Row<A>> | undefined,
  left: WindowEntry<K, Row<A>> | undefined,
  timestampMs: number,
): number | null {
  if (left !== undefined)
    return left.value.timestampMs < timestampMs ? left.value.timestampMs : null
  return before?.value.timestampMs ?? null
}
