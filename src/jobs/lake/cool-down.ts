/**
 * Files of days that are old go to a colder class of the bucket's storage, each by a copy of itself onto itself:
 *
 *  1. A copy is seen whole or not at all, has the same content and the same name, so metadata stays as it is.
 *  2. The storage tells the class of each file, so one that has been moved is not moved again, and a run that died is
 *     followed by one that goes on where it ended.
 *  3. Files whose class is not told, and those in an archive that nobody can read at once, are left alone.
 */
import type { LakeLock } from './lake-lock.ts'
import type { LakeRun } from './lake-options.ts'
import { fileOf, firstDayKept, layers, type Place } from './places.ts'
import { archiveClasses, coldClassOf } from './storage-classes.ts'

export interface MovedDay extends Place {
  readonly storage_class: string
  readonly files: number
  readonly bytes: number
}

/** @param lock null: only tells what would move */
export async function coolDown(
  { storage, clock, classes, retentionDays, signal }: LakeRun,
  lock: Pick<LakeLock, 'check'> | null,
): Promise<readonly MovedDay[]> {
  const moved = new Map<string, MovedDay>()
  for (const layer of layers) {
    if (classes.cold === null || classes.coldAfterDays[layer] === 0) continue
    const first = firstDayKept(layer, retentionDays, clock.nowMs())
    for await (const { path, bytes, storageClass } of storage.list(`${layer}/`)) {
      signal.throwIfAborted()
      const place = fileOf(path)
      if (place === null || storageClass === null || archiveClasses.has(storageClass)) continue
      // What retention takes goes as it is.
      if (first !== null && place.day < first) continue
      const cold = coldClassOf(classes, { ...place, bytes }, clock.nowMs())
      if (cold === null || cold === storageClass) continue
      if (lock !== null) {
        await lock.check()
        if (!(await storage.changeClass(path, cold))) continue
      }
      add(moved, place, cold, bytes)
    }
  }
  return [...moved].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, day]) => day)
}

function add(moved: Map<string, MovedDay>, place: Place, storage_class: string, bytes: number) {
  const { layer, name, day } = place
  const id = `${layer}/${name}/${day}`
  const before = moved.get(id) ?? { files: 0, bytes: 0 }
  const sums = { files: before.files + 1, bytes: before.bytes + bytes }
  moved.set(id, { layer, name, day, storage_class, ...sums })
}
