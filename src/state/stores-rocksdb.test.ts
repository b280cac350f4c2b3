import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { openStorage } from './rocksdb-backend.ts'
import { storesConformance } from './stores-conformance.test-suite.ts'
import { storesModel } from './stores-model.test-suite.ts'

/** Opening a database costs some tens of milliseconds, and the models open it again and again. */
const modelRuns = 15

async function openPlace() {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-stores-'))
  let close = async () => {}
  return {
    open: async () => {
      await close()
      const storage = await openStorage({
        directory,
        clock: systemClock,
        durability: 'process-crash',
      })
      let isOpen = true
      close = async () => {
        if (isOpen) await storage.close()
        isOpen = false
      }
      return storage.state
    },
    remove: async () => {
      await close()
      await rm(directory, { recursive: true })
    },
  }
}

storesConformance('rocksdb', openPlace)
storesModel('rocksdb', openPlace, modelRuns)
