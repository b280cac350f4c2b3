/**
 * Requests to erase, among the application's own records: what was asked for stays known, whatever becomes of the process.
 *
 *     requested ── log, state, tables are clean ──▶ replaying ── facts are whole, the lake is clean ──▶ done
 *
 * Until it is done a request names its persons. From then on it has a keyed hash of each, so that whoever knows a name can ask
 * whether it was erased, and whoever has the records alone cannot tell who.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FoundEvents } from '../jobs/erase/source-events.ts'
import type { MetaRecords } from './meta-records.ts'

export interface Erasure {
  readonly id: string
  readonly topology: string
  /** What it is loaded by: its name, or a path. */
  readonly module: string
  readonly kind: string
  readonly state: 'requested' | 'replaying' | 'done'
  /** ISO 8601. */
  readonly requested_at: string
  readonly done_at: string | null
  /** Names, and hashes once it is done. */
  readonly subjects: readonly string[]
  /** What it reaches in each partition, and how many events it has taken out there. */
  readonly events: readonly FoundEvents[]
}

const prefix = 'erasure/'
const keyBytes = 32

/** The oldest first. */
export async function readErasures(meta: Pick<MetaRecords, 'load'>): Promise<readonly Erasure[]> {
  const found: Erasure[] = []
  for (const { key, value } of await meta.load()) {
    if (key.startsWith(prefix) && value !== null) found.push(JSON.parse(value) as Erasure)
  }
  return found.sort((a, b) => (a.requested_at < b.requested_at ? -1 : 1))
}

export async function writeErasure(
  meta: Pick<MetaRecords, 'append'>,
  erasure: Erasure,
): Promise<void> {
  await meta.append([{ key: prefix + erasure.id, value: JSON.stringify(erasure) }])
}

/** Makes the key where there is none yet. */
export async function subjectHashes(dataDir: string): Promise<(name: string) => string> {
  const path = join(dataDir, 'erasure.key')
  try {
    const text = randomBytes(keyBytes).toString('hex')
    await writeFile(path, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
  const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex')
  return (name) => createHmac('sha256', key).update(name).digest('hex')
}
