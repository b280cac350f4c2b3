import type { Serdes } from './windowed-materialized.ts'

/** Which of a table's updates are handed on, in Kafka Streams' words. */
export type Suppressed =
  /** Of each window its last value, once, when it takes no more records. */
  | { readonly kind: 'until-window-closes' }
  /** Of each key the latest value, `limitMs` of stream time after the first that is held back. */
  | { readonly kind: 'until-time-limit'; readonly limitMs: number }

export interface SuppressOptions<K, V> extends Serdes<K, V> {
  /** Holds what waits; `STORE-times` holds when it is due. They are on disk as every store is, and need no bound
   * of their own (Kafka Streams' `BufferConfig`). */
  readonly store: string
}
