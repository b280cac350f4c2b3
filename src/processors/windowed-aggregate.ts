/** Folds the records of each key and window into one value, each record into all windows that it belongs to. A
 * record that comes too late for one of its windows is counted. */
import type { StoreName } from '../core/record.ts'
import type { WindowStore } from '../state/stores.ts'
import { dropReason, isFoldable } from './aggregate.ts'
import type { Add } from './aggregate.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'
import { openWindowEmitter } from './window-emitter.ts'
import type { WindowEmitter, WindowEmitterOptions } from './window-emitter.ts'
import type { Windowed } from './windowed.ts'
import { closeMsOf, windowStartsMs } from './windows.ts'
import type { TimeWindows } from './windows.ts'

export interface WindowedAggregateOptions<K, V, A> extends WindowEmitterOptions<K> {
  readonly windows: TimeWindows
  readonly store: StoreName
  readonly add: Add<K, V, A>
}

export class WindowedAggregateProcessor<K, V, A> implements Processor<
  K,
  V | null,
  Windowed<K>,
  Change<A>
> {
  readonly #options: WindowedAggregateOptions<K, V, A>
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #rows!: WindowStore<K, Timestamped<A>>
  #emitter!: WindowEmitter<K, A>

  constructor(options: WindowedAggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    this.#emitter = openWindowEmitter(context, this.#options)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (!isFoldable(record)) return
    const starts = windowStartsMs(this.#options.windows, record.timestampMs)
    const [firstMs = 0] = starts
    prefetch.windows(this.#options.store, record.key, firstMs, starts.at(-1) ?? firstMs)
  }

  process(record: StreamRecord<K, V | null>, parent: string): void | Promise<void> {
    if (!isFoldable(record)) {
      this.#context.countDropped(dropReason(record))
      return this.#emitter.settle(record.headers)
    }
    const { windows } = this.#options
    let isLate = false
    for (const windowStartMs of windowStartsMs(windows, record.timestampMs)) {
      const windowEndMs = windowStartMs + windows.sizeMs
      if (closeMsOf(windows, windowEndMs) <= this.#context.streamTimeMs) isLate = true
      else this.#fold(record, parent, { key: record.key, windowStartMs, windowEndMs })
    }
    if (isLate) this.#context.countDropped('late')
    return this.#emitter.settle(record.headers)
  }

  #fold(record: StreamRecord<K, V & {}>, parent: string, windowed: Windowed<K>): void {
    const { key, value, headers } = record
    const { windowStartMs } = windowed
    const row = this.#rows.fetch(key, windowStartMs)
    const oldValue = row?.value ?? null
    const newValue = this.#options.add(key, value, oldValue, parent)
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? -Infinity)
    if (newValue === null) this.#rows.delete(key, windowStartMs)
    else this.#rows.put(key, windowStartMs, { value: newValue, timestampMs })
    if (oldValue === null && newValue === null) return
    this.#emitter.emit({ key: windowed, value: { oldValue, newValue }, timestampMs, headers })
  }

  flush(): void {
    this.#emitter.flush()
  }
}
