/** What the task's stores need of each store, whatever its kind; processors see the `AnyStore` in it. */
import type { StateChange } from '../core/state.ts'
import type { ReadPlan } from './read-plan.ts'
import type { StoreMeter } from './store-meter.ts'
import type { AnyStore } from './stores.ts'
import type { PrefetchRequest } from './prefetch-request.ts'

export interface ManagedStore {
  readonly store: AnyStore
  readonly meter: StoreMeter
  readonly pendingCount: number
  /** @throws TidemarkError TOPOLOGY_INVALID where the request is none for this kind of store */
  plan(request: PrefetchRequest, plan: ReadPlan): void
  takeChanges(changes: StateChange[]): void
  committed(): void
  discard(): void
  /** Works through at most `entriesMax` entries of the expiry index and returns how many. */
  expire(entriesMax: number): Promise<number>
}
