import { ManualClock } from '../core/clock.ts'
import type { InMemoryStorage } from './memory-backend.ts'
import { openMemoryStorage } from './memory-backend.ts'
import { storesConformance } from './stores-conformance.test-suite.ts'
import { storesModel } from './stores-model.test-suite.ts'

async function openPlace() {
  let storage: InMemoryStorage | null = null
  return {
    // What is in memory stays as long as it is open: opening again gives the same.
    open: async () => {
      storage ??= await openMemoryStorage({ clock: new ManualClock() })
      return storage.state
    },
    remove: async () => {
      await storage?.close()
    },
  }
}

storesConformance('memory', openPlace)
storesModel('memory', openPlace, 300)
