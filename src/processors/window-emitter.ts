/**
 * Hands the changes of windows on: as they come (KIP-825's `onWindowUpdate`), when the batch ends, or once, when
 * stream time has reached the moment at which the window takes no record any more (`onWindowClose`). Until then the
 * window's value waits in a store of its own, in order of that moment.
 */
import type { Headers, StoreName } from '../core/record.ts'
import { noHeaders } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { ProcessorContext, StreamRecord } from './processor.ts'
import { idleCheckMs, TimeOrderedBuffer } from './time-ordered-buffer.ts'
import type { Timestamped } from './timestamped.ts'
import { windowedSerde } from './windowed.ts'
import type { Windowed } from './windowed.ts'
import { closeMsOf } from './windows.ts'
import type { Windows } from './windows.ts'

/** Of windows: also `on-window-close`, the last value of each window, once. */
export type EmitOfWindows = Emit | 'on-window-close'

export interface WindowEmitterOptions<K> {
  readonly emit: EmitOfWindows
  /** Where windows wait for their end; null unless they do. */
  readonly closing: StoreName | null
  readonly windows: Windows
  readonly keySerde: Serde<K>
}

export interface WindowEmitter<K, A> {
  emit(record: StreamRecord<Windowed<K>, Change<A>>): void
  /** At the end of each record's processing; there is something to await where windows have closed. */
  settle(headers: Headers): void | Promise<void>
  flush(): void
}

export function openWindowEmitter<K, A>(
  context: ProcessorContext<Windowed<K>, Change<A>>,
  { emit, closing, windows, keySerde }: WindowEmitterOptions<K>,
): WindowEmitter<K, A> {
  const windowKeySerde = windowedSerde(keySerde)
  if (emit === 'on-window-close' && closing !== null) {
    return new CloseEmitter(context, closing, windows, windowKeySerde)
  }
  return new UpdateEmitter(
    new ChangeEmitter(context, emit === 'on-commit' ? emit : 'per-record', windowKeySerde),
  )
}

class UpdateEmitter<K, A> implements WindowEmitter<K, A> {
  readonly #changes: ChangeEmitter<Windowed<K>, A>

  constructor(changes: ChangeEmitter<Windowed<K>, A>) {
    this.#changes = changes
  }

  emit(record: StreamRecord<Windowed<K>, Change<A>>): void {
    this.#changes.emit(record)
  }

  settle(): void {}

  flush(): void {
    this.#changes.flush()
  }
}

class CloseEmitter<K, A> implements WindowEmitter<K, A> {
  readonly #context: ProcessorContext<Windowed<K>, Change<A>>
  readonly #windows: Windows
  readonly #keySerde: Serde<Windowed<K>>
  readonly #waiting: TimeOrderedBuffer<Timestamped<A>>

  constructor(
    context: ProcessorContext<Windowed<K>, Change<A>>,
    store: StoreName,
    windows: Windows,
    keySerde: Serde<Windowed<K>>,
  ) {
    this.#context = context
    this.#windows = windows
    this.#keySerde = keySerde
    this.#waiting = new TimeOrderedBuffer(context.store(store))
    context.schedule(idleCheckMs, 'stream-time', () => this.settle(noHeaders))
  }

  emit({ key, value: { newValue }, timestampMs }: StreamRecord<Windowed<K>, Change<A>>): void {
    const closeMs = closeMsOf(this.#windows, key.windowEndMs)
    const id = this.#keySerde.serialize(key)
    if (newValue !== null) this.#waiting.put(closeMs, id, { value: newValue, timestampMs })
    // What has closed is final, however records were batched: a longer session comes too late to take it back.
    else if (closeMs > this.#context.streamTimeMs) this.#waiting.delete(closeMs, id)
  }

  settle(headers: Headers): void | Promise<void> {
    return this.#waiting.release(this.#context.streamTimeMs, (due) => {
      for (const { id, value: row } of due) {
        const key = this.#keySerde.deserialize(id)
        const value = { oldValue: null, newValue: row.value }
        this.#context.forward({ key, value, timestampMs: row.timestampMs, headers })
      }
    })
  }

  flush(): void {}
}
