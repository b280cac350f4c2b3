/** Retention: days that are older than their layer keeps go, with all their files. */
import { coolDown, type MovedDay } from './cool-down.ts'
import type { LakeRun } from './lake-options.ts'
import type { LakeLock } from './lake-lock.ts'
import { removeDay, type ListedDays } from './day-changes.ts'
import { fileOf, firstDayKept, layers, type Layer, type Place } from './places.ts'

export interface ExpiredDay extends Place {
  readonly files: number
  readonly bytes: number
}

export interface CleanedUp {
  /** True: nothing was removed. */
  readonly dry_run: boolean
  readonly days: readonly ExpiredDay[]
  readonly files: number
  readonly bytes: number
  /** Days whose files went to a colder class of storage. */
  readonly moved: readonly MovedDay[]
}

/** Retention, then what has become cold. @param lock null: only tells what would go */
export async function cleanUpAndCool(run: LakeRun, lock: Lock): Promise<CleanedUp> {
  const cleaned = await cleanUp(run, lock)
  return { ...cleaned, moved: await coolDown(run, lock) }
}

type Lock = Pick<LakeLock, 'check'> | null

async function cleanUp(
  run: Pick<LakeRun, 'storage' | 'clock' | 'retentionDays' | 'signal'>,
  lock: Lock,
): Promise<Omit<CleanedUp, 'moved'>> {
  const days: ExpiredDay[] = []
  for (const layer of layers) {
    for (const [name, listed] of await expiredOf(run, layer)) {
      for (const [day, files] of [...listed].sort(([a], [b]) => (a < b ? -1 : 1))) {
        run.signal.throwIfAborted()
        const place = { layer, name, day }
        const bytes = [...files.values()].reduce((sum, size) => sum + size, 0)
        if (lock !== null) await removeDay({ storage: run.storage, lock }, place, files)
        days.push({ ...place, files: files.size, bytes })
      }
    }
  }
  return {
    dry_run: lock === null,
    days,
    files: days.reduce((sum, { files }) => sum + files, 0),
    bytes: days.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** By dataset: also of tables and topics that no topology has any more. */
async function expiredOf(
  { storage, clock, retentionDays }: Pick<LakeRun, 'storage' | 'clock' | 'retentionDays'>,
  layer: Layer,
): Promise<ReadonlyMap<string, ListedDays>> {
  const found = new Map<string, Map<string, Map<string, number>>>()
  const first = firstDayKept(layer, retentionDays, clock.nowMs())
  if (first === null) return found
  for await (const { path, bytes } of storage.list(`${layer}/`)) {
    const place = fileOf(path)
    if (place === null || place.day >= first) continue
    const days = found.get(place.name) ?? new Map<string, Map<string, number>>()
    const files = days.get(place.day) ?? new Map<string, number>()
    found.set(place.name, days.set(place.day, files.set(place.file, bytes)))
  }
  return found
}
