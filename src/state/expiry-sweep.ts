/**
 * Walks a store's expiry index in order of time and deletes what is over, a bounded number of entries a call.
 * The deletes are pending changes like any other, so they reach the changelog as tombstones.
 */
import type { StoreName } from '../core/record.ts'
import type { StateChange, StateEntry } from '../core/state.ts'
import { indexKey, indexStart, successor } from './key-layout.ts'
import type { TaskScope } from './task-scope.ts'

/** Turns index entries whose time is over into state changes. */
export type Expire = (
  indexEntries: readonly StateEntry[],
  changes: StateChange[],
) => Promise<void> | void

export class ExpirySweep {
  readonly #store: StoreName
  readonly #scope: TaskScope
  readonly #keepMs: number
  readonly #expire: Expire
  /** Where the next call goes on: what is before it is deleted already, here or in the pending changes. */
  #from: Buffer = indexStart
  #pending: StateChange[] = []

  constructor(store: StoreName, scope: TaskScope, keepMs: number, expire: Expire) {
    this.#store = store
    this.#scope = scope
    this.#keepMs = keepMs
    this.#expire = expire
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** Times before this one are over. */
  get limitMs(): number {
    return this.#scope.streamTimeMs - this.#keepMs
  }

  /** Does nothing while a commit is under way: what is being written is neither pending nor readable. */
  async run(entriesMax: number): Promise<number> {
    if (this.limitMs === -Infinity || this.#scope.isCommitting) return 0
    const to = indexKey('', this.limitMs)
    if (this.#from.compare(to) >= 0) return 0
    const { backend, partition, epoch } = this.#scope
    const store = this.#store
    const entries = await backend.scan({ store, partition, from: this.#from, to, entriesMax })
    const changes: StateChange[] = []
    await this.#expire(entries, changes)
    // A commit or a discard that began while we read may have changed what we read.
    if (epoch !== this.#scope.epoch) return 0
    for (const change of changes) this.#pending.push(change)
    const last = entries.at(-1)
    if (last !== undefined) this.#from = successor(last.key)
    return entries.length
  }

  /** Before the changes of the writes: an entry written again after it had expired stays. */
  takeChanges(changes: StateChange[]): void {
    for (const change of this.#pending) changes.push(change)
    this.#pending = []
  }

  discard(): void {
    this.#pending = []
    this.#from = indexStart
  }
}
