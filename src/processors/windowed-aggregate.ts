/** Folds the records of each key and tumbling window into one value. Late records are dropped and counted. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { WindowStore } from '../state/stores.ts'
import { dropReason, isFoldable } from './aggregate.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'
import { windowedSerde } from './windowed.ts'
import type { Windowed } from './windowed.ts'
import { tumblingStartMs } from './windows.ts'
import type { TumblingWindows } from './windows.ts'

export interface WindowedAggregateOptions<K, V, A> {
  readonly windows: TumblingWindows
  readonly store: StoreName
  readonly keySerde: Serde<K>
  /** `aggregate` is null for the first value of a window. Null deletes it. */
  readonly add: (key: K, value: V, aggregate: A | null) => A | null
  readonly emit: Emit
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
  #emitter!: ChangeEmitter<Windowed<K>, A>

  constructor(options: WindowedAggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    this.#context = context
    this.#rows = context.store(this.#options.store)
    const keySerde = windowedSerde(this.#options.keySerde)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, keySerde)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (!isFoldable(record)) return
    const startMs = tumblingStartMs(this.#options.windows, record.timestampMs)
    prefetch.windows(this.#options.store, record.key, startMs, startMs)
  }

  process(record: StreamRecord<K, V | null>): void {
    if (!isFoldable(record)) {
      this.#context.countDropped(dropReason(record))
      return
    }
    const { windows, add } = this.#options
    const { key, value, headers } = record
    const windowStartMs = tumblingStartMs(windows, record.timestampMs)
    const windowEndMs = windowStartMs + windows.sizeMs
    if (windowEndMs + windows.graceMs <= this.#context.streamTimeMs) {
      this.#context.countDropped('late')
      return
    }
    const row = this.#rows.fetch(key, windowStartMs)
    const oldValue = row?.value ?? null
    const newValue = add(key, value, oldValue)
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? -Infinity)
    if (newValue === null) this.#rows.delete(key, windowStartMs)
    else this.#rows.put(key, windowStartMs, { value: newValue, timestampMs })
    if (oldValue === null && newValue === null) return
    const windowed = { key, windowStartMs, windowEndMs }
    this.#emitter.emit({ key: windowed, value: { oldValue, newValue }, timestampMs, headers })
  }

  flush(): void {
    this.#emitter.flush()
  }
}
