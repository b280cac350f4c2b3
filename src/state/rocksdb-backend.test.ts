import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { logConformance } from '../log/log-conformance.test-suite.ts'
import { openStorage } from './rocksdb-backend.ts'

logConformance('embedded', async (options) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-log-'))
  const storage = await openStorage({
    ...options,
    directory,
    durability: 'process-crash',
    memoryBudgetBytes: 16 * 1024 * 1024,
  })
  return {
    log: storage.log,
    state: storage.state,
    close: async () => {
      await storage.close()
      await rm(directory, { recursive: true })
    },
  }
})
