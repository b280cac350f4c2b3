/**
 * A reset happens once for all instances, and each keeps state of its own: the application's records say when a topology
 * was last reset, and an instance that has not yet followed throws its local state away before it starts.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MetaRecords } from './meta-records.ts'

const prefix = 'reset/'

export async function noteResets(
  meta: MetaRecords,
  topologies: readonly string[],
  atMs: number,
): Promise<void> {
  await meta.append(topologies.map((name) => ({ key: prefix + name, value: String(atMs) })))
}

/** Before the state is opened. True where it was thrown away. */
export async function followResets(
  meta: MetaRecords,
  dataDir: string,
  stateDirectory: string,
): Promise<boolean> {
  const asked = await askedResets(meta)
  const path = join(dataDir, 'resets.json')
  const followed = await followedResets(path)
  const isBehind = Object.entries(asked).some(([name, at]) => followed[name] !== at)
  if (!isBehind) return false
  await rm(stateDirectory, { recursive: true, force: true })
  await mkdir(dataDir, { recursive: true })
  const aside = `${path}.${process.pid}`
  await writeFile(aside, `${JSON.stringify(asked)}\n`)
  await rename(aside, path)
  return true
}

async function askedResets(meta: MetaRecords): Promise<Record<string, string>> {
  const asked: Record<string, string> = {}
  for (const { key, value } of await meta.load()) {
    if (key.startsWith(prefix) && value !== null) asked[key.slice(prefix.length)] = value
  }
  return asked
}

async function followedResets(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>
  } catch {
    // A new data directory has no state yet: to throw nothing away does no harm.
    return {}
  }
}
