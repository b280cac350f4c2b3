/** An embedded engine in a directory of its own, for tests; one at a time in a process. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouse } from './clickhouse.ts'
import { openClickHouse } from './open-clickhouse.ts'

export interface TemporaryClickHouse {
  readonly clickhouse: ClickHouse
  readonly path: string
  remove(): Promise<void>
}

export async function temporaryClickHouse(): Promise<TemporaryClickHouse> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-clickhouse-'))
  const clickhouse = await openClickHouse({ path })
  return {
    clickhouse,
    path,
    remove: async () => {
      await clickhouse.close()
      await rm(path, { recursive: true, force: true })
    },
  }
}
