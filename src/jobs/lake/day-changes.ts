/**
 * One day of a lake from what it was to what it is, so that a crash between any two steps leaves a day that the next write
 * makes whole:
 *
 *  1. The new files get their names. Nobody reads them yet; the next write takes them away where step 2 is missing.
 *  2. `_metadata.json` names them instead of the old ones: this is when the day has changed.
 *  3. Files that it does not name are removed.
 *
 * A day that is to go loses its metadata first.
 */
import type { FinishedFile } from '../../sinks/lake/lake-file.ts'
import type { LakeObject } from '../../sinks/lake/lake-storage.ts'
import type { WritingRun } from './lake-options.ts'
import { writeMetadata, type DayMetadata, type IndexedDay } from './metadata.ts'
import {
  datasetFolder,
  dayFolder,
  fileOf,
  metadataName,
  metadataPath,
  partName,
  type Dataset,
  type Place,
} from './places.ts'
import { classOf } from './storage-classes.ts'

/** By day, name to size. */
export type ListedDays = ReadonlyMap<string, ReadonlyMap<string, number>>

export async function listDays(
  { storage }: Pick<WritingRun, 'storage'>,
  dataset: Dataset,
): Promise<ListedDays> {
  const days = new Map<string, Map<string, number>>()
  for await (const object of storage.list(datasetFolder(dataset))) addObject(days, object)
  return days
}

function addObject(days: Map<string, Map<string, number>>, { path, bytes }: LakeObject): void {
  const place = fileOf(path)
  if (place === null) return
  const files = days.get(place.day) ?? new Map<string, number>()
  files.set(place.file, bytes)
  days.set(place.day, files)
}

/** Whether every file that should be there is, with its size. */
export function isIntact(
  { files }: Pick<IndexedDay, 'files'>,
  listed: ReadonlyMap<string, number> | undefined,
): boolean {
  if (listed?.has(metadataName) !== true) return false
  return files.every(([file, bytes]) => listed.get(file) === bytes)
}

/** @param listed what was there before */
export async function changeDay(
  run: WritingRun,
  metadata: DayMetadata,
  made: readonly FinishedFile[],
  listed: ReadonlyMap<string, number> | undefined,
): Promise<void> {
  for (const { file: source, sha256, bytes } of made) {
    const { layer, name, day } = metadata
    const file = { layer, name, day, file: partName(sha256), bytes }
    const storageClass = classOf(run.classes, file, run.clock.nowMs())
    await run.storage.putFile(`${dayFolder(metadata)}${file.file}`, source, storageClass)
  }
  await run.lock.check()
  await writeMetadata(run.storage, metadata)
  await sweepDay(run, metadata, new Set(metadata.files.map(({ file }) => file)), listed)
}

/** Removes what the day's metadata does not name. */
export async function sweepDay(
  { storage }: Pick<WritingRun, 'storage'>,
  place: Place,
  named: ReadonlySet<string>,
  listed: ReadonlyMap<string, number> | undefined,
): Promise<void> {
  for (const file of listed?.keys() ?? []) {
    if (file !== metadataName && !named.has(file))
      await storage.remove(`${dayFolder(place)}${file}`)
  }
}

/** @returns the bytes that were freed */
export async function removeDay(
  run: Pick<WritingRun, 'storage' | 'lock'>,
  place: Place,
  listed: ReadonlyMap<string, number>,
): Promise<number> {
  await run.lock.check()
  await run.storage.remove(metadataPath(place))
  await sweepDay(run, place, new Set(), listed)
  return [...listed.values()].reduce((sum, bytes) => sum + bytes, 0)
}
