/** How windowed results are kept, and the serdes that every operator may be given. */
import type { Serde } from '../core/serde.ts'
import type { EmitOfWindows } from '../processors/window-emitter.ts'

export interface Serdes<K, V> {
  readonly keySerde?: Serde<K>
  readonly valueSerde?: Serde<NonNullable<V>>
}

/** Without `ttlMs`: a windowed store is kept as long as its windows take records. */
export interface WindowedMaterialized<K, V> extends Serdes<K, V> {
  readonly store: string
  /** Also `on-window-close`: each window once, as its last record left it, when stream time has reached the moment
   * from which it takes no more (KIP-825). Until then it waits in the store `STORE-closing`. */
  readonly emit?: EmitOfWindows
}

export interface WindowedMaterializedAs<K, V> extends WindowedMaterialized<K, V> {
  readonly valueSerde: Serde<NonNullable<V>>
}
