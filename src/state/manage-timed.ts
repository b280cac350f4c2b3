/** Window and session stores as the task's stores handle them. */
import type { ExpirySweep } from './expiry-sweep.ts'
import type { ManagedStore } from './managed-store.ts'
import type { SessionStore, WindowStore } from './stores.ts'
import type { TimedCache } from './timed-cache.ts'

export function manageTimed(
  store: WindowStore<unknown, unknown> | SessionStore<unknown, unknown>,
  cache: TimedCache,
  sweep: ExpirySweep,
  plan: ManagedStore['plan'],
): ManagedStore {
  return {
    store,
    meter: cache.meter,
    get pendingCount() {
      return cache.dirtyCount + sweep.pendingCount
    },
    plan,
    takeChanges: (changes) => {
      sweep.takeChanges(changes)
      cache.takeChanges(changes)
    },
    committed: () => {
      cache.committed()
    },
    discard: () => {
      cache.discard()
      sweep.discard()
    },
    expire: (entriesMax) => sweep.run(entriesMax),
  }
}
