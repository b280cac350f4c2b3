/** In which class of a bucket's storage a file of the lake lies, and from which age on in a colder one. */
import { dayBefore, metadataName, type Layer, type Place } from './places.ts'

export interface StorageClasses {
  /** Of new files; null: as the bucket has it. */
  readonly first: Readonly<Record<Layer, string | null>>
  /** Where files go whose day is older than so many days; 0 is never. */
  readonly coldAfterDays: Readonly<Record<Layer, number>>
  /** Null: none. */
  readonly cold: string | null
  /** Smaller files stay where they are: colder classes charge for more than they have. */
  readonly coldBytesMin: number
}

/** Of directories, and of buckets that are left alone. */
export const ownClasses: StorageClasses = {
  first: { raw: null, processed: null, aggregated: null },
  coldAfterDays: { raw: 0, processed: 0, aggregated: 0 },
  cold: null,
  coldBytesMin: 0,
}

/** A file of a day. */
export interface ClassedFile extends Place {
  readonly file: string
  readonly bytes: number
}

/** Null: as the bucket has it. */
export function classOf(classes: StorageClasses, file: ClassedFile, nowMs: number): string | null {
  return coldClassOf(classes, file, nowMs) ?? classes.first[file.layer]
}

/** Null where it is not cold yet, or will never be: metadata is small, and read by each write. */
export function coldClassOf(
  { cold, coldAfterDays, coldBytesMin }: StorageClasses,
  { layer, day, file, bytes }: ClassedFile,
  nowMs: number,
): string | null {
  const days = coldAfterDays[layer]
  if (days === 0 || file === metadataName || bytes < coldBytesMin) return null
  return day < dayBefore(nowMs, days) ? cold : null
}

/** Classes that a file must be restored from before it can be read: who has put it there had a reason. */
export const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE'])
