/**
 * Folds the records of each key and session into one value. A record within the gap of several sessions joins
 * them into one. As in Kafka Streams the sessions that went into a greater one are deleted; unlike there, a
 * session that keeps its bounds is updated with its old value, so that sums over sessions stay right.
 */
import type { StoreName } from '../core/record.ts'
import type { SessionEntry, SessionStore } from '../state/stores.ts'
import { dropReason, isFoldable } from './aggregate.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { Timestamped } from './timestamped.ts'
import { openWindowEmitter } from './window-emitter.ts'
import type { WindowEmitter, WindowEmitterOptions } from './window-emitter.ts'
import type { Windowed } from './windowed.ts'
import { closeMsOf } from './windows.ts'
import type { SessionWindows } from './windows.ts'

export interface SessionAggregateOptions<K, V, A> extends WindowEmitterOptions<K> {
  readonly windows: SessionWindows
  readonly store: StoreName
  /** `aggregate` is null for the first value of a session. */
  readonly add: (key: K, value: V, aggregate: A | null, parent: string) => A
  /** Joins two sessions' aggregates, the earlier one first; null stands for a session without records, which the
   * first of a record's sessions is joined with. */
  readonly merge: (key: K, one: A | null, other: A) => A
}

export class SessionAggregateProcessor<K, V, A> implements Processor<
  K,
  V | null,
  Windowed<K>,
  Change<A>
> {
  readonly #options: SessionAggregateOptions<K, V, A>
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #sessions!: SessionStore<K, Timestamped<A>>
  #emitter!: WindowEmitter<K, A>

  constructor(options: SessionAggregateOptions<K, V, A>) {
    this.#options = options
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    this.#context = context
    this.#sessions = context.store(this.#options.store)
    this.#emitter = openWindowEmitter(context, this.#options)
  }

  prefetch(record: StreamRecord<K, V | null>, _parent: string, prefetch: Prefetch): void {
    if (!isFoldable(record)) return
    const { gapMs } = this.#options.windows
    const { key, timestampMs } = record
    prefetch.sessions(this.#options.store, key, timestampMs - gapMs, timestampMs + gapMs)
  }

  process(record: StreamRecord<K, V | null>, parent: string): void | Promise<void> {
    if (!isFoldable(record)) {
      this.#context.countDropped(dropReason(record))
      return this.#emitter.settle(record.headers)
    }
    const { windows, add, merge } = this.#options
    const { key, timestampMs, headers } = record
    const near = this.#sessions.findSessions(
      key,
      timestampMs - windows.gapMs,
      timestampMs + windows.gapMs,
    )
    const startMs = near.reduce((least, session) => Math.min(least, session.startMs), timestampMs)
    const endMs = near.reduce((greatest, session) => Math.max(greatest, session.endMs), timestampMs)
    if (closeMsOf(windows, endMs) <= this.#context.streamTimeMs) {
      this.#context.countDropped('late')
      return this.#emitter.settle(headers)
    }
    const merged = near.reduce<A | null>(
      (sum, { value }) => (value.value === null ? sum : merge(key, sum, value.value)),
      null,
    )
    const oldValue = this.#replace(near, startMs, endMs, headers)
    const newValue = add(key, record.value, merged, parent)
    this.#sessions.put(key, startMs, endMs, { value: newValue, timestampMs: endMs })
    this.#emitter.emit({
      key: { key, windowStartMs: startMs, windowEndMs: endMs },
      value: { oldValue, newValue },
      timestampMs: endMs,
      headers,
    })
    return this.#emitter.settle(headers)
  }

  flush(): void {
    this.#emitter.flush()
  }

  /** Deletes the sessions that become part of [startMs, endMs]; the value of the one with just these bounds. */
  #replace(
    sessions: readonly SessionEntry<K, Timestamped<A>>[],
    startMs: number,
    endMs: number,
    headers: StreamRecord['headers'],
  ): A | null {
    let oldValue: A | null = null
    for (const session of sessions) {
      if (session.startMs === startMs && session.endMs === endMs) {
        oldValue = session.value.value
        continue
      }
      this.#sessions.remove(session.key, session.startMs, session.endMs)
      this.#emitter.emit({
        key: { key: session.key, windowStartMs: session.startMs, windowEndMs: session.endMs },
        value: { oldValue: session.value.value, newValue: null },
        timestampMs: session.endMs,
        headers,
      })
    }
    return oldValue
  }
}
