/** Where a cached registry keeps what it knows. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SubjectVersion } from './schema-registry.ts'

export interface SchemaCacheContent {
  readonly schemas: readonly (readonly [id: number, schema: string])[]
  /** By a hash of subject and schema. */
  readonly registrations: readonly (readonly [name: string, version: SubjectVersion])[]
}

export interface SchemaCacheStorage {
  load(): Promise<SchemaCacheContent>
  save(content: SchemaCacheContent): Promise<void>
}

const layoutVersion = 1
const nothing: SchemaCacheContent = { schemas: [], registrations: [] }

/**
 * A file, written aside, synced and renamed. Ids mean something to the registry that gave them: what was kept of another
 * registry, by its addresses, counts as nothing.
 */
export function schemaCacheFile(path: string, registryUrls: readonly string[]): SchemaCacheStorage {
  const registry = createHash('sha256')
    .update([...registryUrls].sort().join('\n'))
    .digest('hex')
  return {
    load: async () => {
      try {
        const kept = JSON.parse(await readFile(path, 'utf8')) as Partial<StoredCache>
        if (kept.version !== layoutVersion || kept.registry !== registry) return nothing
        return { schemas: kept.schemas ?? [], registrations: kept.registrations ?? [] }
      } catch {
        // Absent, or not as it was written: the registry knows it all.
        return nothing
      }
    },
    save: async (content) => {
      await mkdir(dirname(path), { recursive: true })
      const aside = `${path}.${process.pid}`
      const stored: StoredCache = { version: layoutVersion, registry, ...content }
      const file = await open(aside, 'w')
      try {
        await file.writeFile(`${JSON.stringify(stored)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(aside, path)
    },
  }
}

interface StoredCache extends SchemaCacheContent {
  readonly version: number
  /** A hash of its addresses. */
  readonly registry: string
}
