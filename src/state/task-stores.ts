/**
 * All stores of one task, that is of one partition: what the runtime sees of `state/`. Reads are planned over
 * all stores together (law 6), changes are handed over all at once (law 2), memory is one budget (law 5).
 *
 * It leaves to the backend where bytes are kept, to the runtime when to commit, and to the changelog's writer
 * what becomes of the changes.
 */
import { TidemarkError } from '../core/errors.ts'
import type { Partition, StoreName } from '../core/record.ts'
import type { StateBackend, StateChange } from '../core/state.ts'
import { openKeyValueStore } from './key-value-store.ts'
import type { ManagedStore } from './managed-store.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { PrefetchRequest } from './prefetch-request.ts'
import { ReadPlan } from './read-plan.ts'
import { openSessionStore } from './session-store.ts'
import type { StoreStatistics } from './store-meter.ts'
import type { AnyStore, StoreDefinition } from './stores.ts'
import { TaskScope } from './task-scope.ts'
import type { UndoLog } from './undo-log.ts'
import { openVersionedStore } from './versioned-store.ts'
import { openWindowStore } from './window-store.ts'

export type { PrefetchRequest } from './prefetch-request.ts'
export type { StoreStatistics } from './store-meter.ts'

export interface TaskStoresOptions {
  readonly definitions: readonly StoreDefinition[]
  readonly partition: Partition
  readonly backend: StateBackend
  /** Shared by all tasks of the process. */
  readonly budget: MemoryBudget
}

export interface TaskStores {
  /** @throws TidemarkError TOPOLOGY_INVALID where the task has no such store */
  get(name: StoreName | string): AnyStore
  /** Loads what is asked for and not yet in memory: one `readMany` for all keys of all stores, and the scans
   * beside it. What is loaded stays in memory until the end of the next commit that begins; a batch therefore
   * prefetches after the `pendingChanges` of the one before, or once more (then it costs no read).
   * @throws TidemarkError TOPOLOGY_INVALID where a request names no store, or is none for its kind */
  prefetch(requests: readonly PrefetchRequest[]): Promise<void>
  /** Asks for it as part of the next `load`. True where it is in memory already and may be read at once.
   * @throws TidemarkError TOPOLOGY_INVALID as `prefetch` does */
  request(request: PrefetchRequest): boolean
  /** Reads what was requested and is not in memory, as `prefetch` does. */
  load(): Promise<void>
  /** While it is open, what is written can be taken back. */
  readonly undo: UndoLog
  /** How many entries have been written or expired since the last commit. */
  readonly pendingEntryCount: number
  /** Everything written since the last commit, serialized once. Must be followed by `committed` or
   * `discard`; writes made in between belong to the next commit. */
  pendingChanges(): StateChange[]
  /** What `pendingChanges` gave is durable. What it held may now be evicted. */
  committed(): void
  /** After an aborted transaction: forgets every write and everything cached; stream time is again what it
   * was when the last commit's changes were taken. */
  discard(): void
  /** The greatest event time seen, milliseconds since the epoch; call it for each record, before its
   * processing. Never goes back. */
  advanceStreamTime(streamTimeMs: number): void
  /** Readers and writers see the stream time of this record, which may have waited while later ones came; null:
   * the latest. Until the next call of either, or the next commit. */
  turnTo(streamTimeMs: number | null): void
  /** Deletes windows, sessions and TTL entries that are over, as ordinary pending changes. Works through at
   * most `entriesMax` entries and returns how many; fewer than that: none is left. */
  expire(entriesMax: number): Promise<number>
  statistics(): readonly StoreStatistics[]
  /** Gives the memory back to the budget. The backend stays open: it is the caller's. */
  close(): void
}

export function openTaskStores(options: TaskStoresOptions): TaskStores {
  return new OpenTaskStores(options)
}

class OpenTaskStores implements TaskStores {
  readonly #scope: TaskScope
  readonly #stores = new Map<string, ManagedStore>()
  #plan = new ReadPlan()
  /** The store that the next expiry begins with, so that a busy one does not starve the others. */
  #expireFirst = 0

  constructor({ definitions, partition, backend, budget }: TaskStoresOptions) {
    this.#scope = new TaskScope(partition, backend, budget)
    for (const definition of definitions) {
      this.#stores.set(definition.name, openStore(definition, this.#scope))
    }
  }

  get(name: StoreName | string): AnyStore {
    return this.#store(name).store
  }

  #store(name: string): ManagedStore {
    const store = this.#stores.get(name)
    if (store !== undefined) return store
    const known = [...this.#stores.keys()].join(', ')
    throw new TidemarkError(
      'TOPOLOGY_INVALID',
      `there is no store ${name} in this task; it has: ${known === '' ? 'none' : known}`,
      { details: { store: name } },
    )
  }

  async prefetch(requests: readonly PrefetchRequest[]): Promise<void> {
    for (const request of requests) this.request(request)
    await this.load()
  }

  request(request: PrefetchRequest): boolean {
    const { missCount } = this.#plan
    this.#store(request.store).plan(request, this.#plan)
    return this.#plan.missCount === missCount
  }

  async load(): Promise<void> {
    const plan = this.#plan
    this.#plan = new ReadPlan()
    await plan.run(this.#scope.backend)
    this.#scope.budget.shrink()
  }

  get undo(): UndoLog {
    return this.#scope.undo
  }

  get pendingEntryCount(): number {
    let count = 0
    for (const store of this.#stores.values()) count += store.pendingCount
    return count
  }

  pendingChanges(): StateChange[] {
    this.#scope.beginCommit()
    const changes: StateChange[] = []
    for (const store of this.#stores.values()) store.takeChanges(changes)
    return changes
  }

  committed(): void {
    for (const store of this.#stores.values()) store.committed()
    this.#scope.endCommit()
  }

  discard(): void {
    this.#plan = new ReadPlan()
    for (const store of this.#stores.values()) store.discard()
    this.#scope.discard()
  }

  advanceStreamTime(streamTimeMs: number): void {
    this.#scope.turnTo(streamTimeMs)
    this.#scope.turnTo(null)
  }

  turnTo(streamTimeMs: number | null): void {
    this.#scope.turnTo(streamTimeMs)
  }

  async expire(entriesMax: number): Promise<number> {
    const stores = [...this.#stores.values()]
    let count = 0
    for (let index = 0; index < stores.length && count < entriesMax; index += 1) {
      const store = stores[(this.#expireFirst + index) % stores.length]
      if (store !== undefined) count += await store.expire(entriesMax - count)
    }
    this.#expireFirst += 1
    return count
  }

  statistics(): readonly StoreStatistics[] {
    return [...this.#stores.values()].map(({ meter }) => meter.read())
  }

  close(): void {
    for (const store of this.#stores.values()) store.discard()
  }
}

function openStore(definition: StoreDefinition, scope: TaskScope): ManagedStore {
  switch (definition.kind) {
    case 'key-value':
      return openKeyValueStore(definition, scope)
    case 'window':
      return openWindowStore(definition, scope)
    case 'session':
      return openSessionStore(definition, scope)
    case 'versioned':
      return openVersionedStore(definition, scope)
  }
}
