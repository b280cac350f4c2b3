/** What a topic's days in a lake have, and where the next write of it begins. */
import { TidemarkError } from '../../core/errors.ts'
import { isIntact, sweepDay, type ListedDays } from './day-changes.ts'
import type { LakeTopic, WritingRun } from './lake-options.ts'
import {
  indexedDay,
  readIndex,
  readMetadata,
  type DatasetIndex,
  type DayMetadata,
  type IndexedDay,
} from './metadata.ts'
import { firstDayKept, metadataName, metadataPath, type Place } from './places.ts'

/**
 * What the days have, after crashes too: a day may have been written and the index not, and a file may have got its name and
 * the metadata not. Such days, and those that the index does not know, are looked at by their own metadata; the
 * others are not read. Without an index the start of the log is looked through once more.
 *
 * @throws TidemarkError LAKE_DAMAGED
 */
export async function topicIndex(
  run: WritingRun,
  topic: LakeTopic,
  listed: ListedDays,
): Promise<DatasetIndex> {
  const index = await readIndex(run.storage, topic)
  const days: Record<string, IndexedDay> = {}
  const first = firstDayKept('raw', run.retentionDays, run.clock.nowMs())
  for (const [day, files] of [...listed].sort(([a], [b]) => (a < b ? -1 : 1))) {
    // Retention may have begun with it.
    if (first !== null && day < first) continue
    const place = { layer: topic.layer, name: topic.name, day }
    const known = index?.days[day]
    if (known !== undefined && isIntact(known, files) && files.size === known.files.length + 1) {
      days[day] = known
      continue
    }
    const metadata = await readDay(run, place, files)
    if (metadata === null && known !== undefined) throw damaged(place)
    if (metadata !== null) days[day] = indexedDay(metadata)
    const named = new Set(metadata?.files.map(({ file }) => file))
    await run.lock.check()
    await sweepDay(run, place, named, files)
  }
  const written_at = index?.written_at ?? new Date(run.clock.nowMs()).toISOString()
  return { format: 1, days, offsets: index?.offsets ?? {}, written_at }
}

/**
 * @param listed what the day's folder had
 * @returns null of a day without metadata
 * @throws TidemarkError LAKE_DAMAGED
 */
export async function readDay(
  { storage }: Pick<WritingRun, 'storage'>,
  place: Place,
  listed: ReadonlyMap<string, number> | undefined,
): Promise<DayMetadata | null> {
  const metadata = await readMetadata(storage, place)
  if (metadata === null && listed?.has(metadataName) === true) throw damaged(place)
  return metadata
}

/** A day of the log is not in it any more, so nothing of it is removed. */
function damaged(place: Place): TidemarkError {
  return new TidemarkError(
    'LAKE_DAMAGED',
    `${metadataPath(place)} is missing or cannot be read, so which files hold the day is not known: put it back; or move the ` +
      `day's folder and raw/${place.name}/_index.json away, and what the log still has of the day is written again`,
  )
}
