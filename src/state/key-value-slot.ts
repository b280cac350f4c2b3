/** One cached entry of a key-value store: decoded when it is first read, encoded once, at the commit. */
import { writtenMsOf, timeUnknownMs } from './key-layout.ts'
import type { Evictable } from './memory-budget.ts'
import type { ReadPlan, ReadTarget } from './read-plan.ts'
import type { Held } from './task-scope.ts'

/** `loading`: asked for, not yet read. `framed`: read, not yet decoded. `absent`: known to have no value. */
export type SlotState = 'loading' | 'framed' | 'decoded' | 'absent'

/** What the backend is known to hold under the key (as if the commit in progress had succeeded: if it does
 * not, every slot is dropped). It saves deletes of what is not there. */
export type Persisted = 'unknown' | 'absent' | 'present'

/** What a slot needs of its cache. */
export interface SlotOwner {
  readonly caching: boolean
  onFilled(slot: KeyValueSlot, byteCount: number): void
  onAbandoned(slot: KeyValueSlot): void
  onEvicted(slot: KeyValueSlot): void
}

export class KeyValueSlot implements Held, ReadTarget {
  readonly keyText: string
  readonly #owner: SlotOwner
  state: SlotState = 'loading'
  plan: ReadPlan | null = null
  framed: Buffer | null = null
  value: unknown = undefined
  /** Stream time of the last write. */
  writtenMs = timeUnknownMs
  persisted: Persisted = 'unknown'
  /** Write time of the persisted value, while there is one. */
  persistedWrittenMs = timeUnknownMs
  isDirty = false
  epoch = 0
  accountedBytes = 0
  older: Evictable | null = null
  newer: Evictable | null = null

  constructor(owner: SlotOwner, keyText: string) {
    this.#owner = owner
    this.keyText = keyText
  }

  fill(framed: Buffer | null): void {
    if (this.state !== 'loading') return
    if (framed === null) {
      this.state = 'absent'
      this.persisted = 'absent'
    } else {
      this.state = 'framed'
      this.framed = framed
      this.persisted = 'present'
      this.writtenMs = this.persistedWrittenMs = writtenMsOf(framed)
    }
    this.#owner.onFilled(this, framed?.length ?? 0)
  }

  abandon(): void {
    if (this.state === 'loading') this.#owner.onAbandoned(this)
  }

  isNeeded(): boolean {
    return this.isDirty || this.state === 'loading'
  }

  get staysCached(): boolean {
    return this.#owner.caching
  }

  settle(): void {}

  evict(): void {
    this.#owner.onEvicted(this)
  }
}
