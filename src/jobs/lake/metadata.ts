/** What a lake says of itself: `_metadata.json` of each day, and `_index.json` of each dataset. */
import type { FinishedFile } from '../../sinks/lake/lake-file.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import { indexPath, metadataPath, partName, type Dataset, type Place } from './places.ts'

/** Partition to the first offset and the one behind the last. */
export type OffsetRanges = Readonly<Record<string, readonly [from: number, to: number]>>

export interface FileEntry {
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
  /** Of raw data: what was looked through for it. Each offset is in one file of its day at most. */
  readonly offsets?: OffsetRanges
}

interface Extent {
  readonly lowest: string
  readonly highest: string
}

/** Times are ISO 8601, versions and fingerprints decimal. */
export interface DayMetadata extends Place {
  readonly format: 1
  readonly rows: number
  readonly bytes: number
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly event_time: Extent | null
  /** Null of raw data, which has none. */
  readonly known_at: Extent | null
  readonly version: Extent | null
  /** Of a table: the sum of a hash of key and version over the rows, as `table-fingerprints.ts` makes it. */
  readonly fingerprint: string | null
  readonly files: readonly FileEntry[]
  readonly written_at: string
  readonly product_version: string
}

export interface IndexedDay {
  readonly rows: number
  readonly fingerprint: string | null
  readonly files: readonly (readonly [file: string, bytes: number])[]
}

/** What was written, so that a write need not read every day: never ahead of the days' own metadata. */
export interface DatasetIndex {
  readonly format: 1
  readonly days: Readonly<Record<string, IndexedDay>>
  /** Of raw data: the next offset to read, by partition. */
  readonly offsets: Readonly<Record<string, number>>
  readonly written_at: string
}

export function fileEntry({ rows, bytes, sha256 }: FinishedFile): FileEntry {
  return { file: partName(sha256), rows, bytes, sha256 }
}

export function indexedDay({ rows, fingerprint, files }: DayMetadata): IndexedDay {
  return { rows, fingerprint, files: files.map(({ file, bytes }) => [file, bytes]) }
}

/** Null where there is none, or none that can be read: the day is then written anew. */
export async function readMetadata(
  storage: LakeStorage,
  place: Place,
): Promise<DayMetadata | null> {
  const read = await readJson<DayMetadata>(storage, metadataPath(place))
  return read?.format === 1 && Array.isArray(read.files) ? read : null
}

export async function writeMetadata(storage: LakeStorage, metadata: DayMetadata): Promise<void> {
  await storage.putText(metadataPath(metadata), jsonText(metadata))
}

export async function readIndex(
  storage: LakeStorage,
  dataset: Dataset,
): Promise<DatasetIndex | null> {
  const read = await readJson<DatasetIndex>(storage, indexPath(dataset))
  return read?.format === 1 && typeof read.days === 'object' ? read : null
}

export async function writeIndex(
  storage: LakeStorage,
  dataset: Dataset,
  index: DatasetIndex,
): Promise<void> {
  await storage.putText(indexPath(dataset), jsonText(index))
}

export function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

async function readJson<T>(storage: LakeStorage, path: string): Promise<T | null> {
  const bytes = await storage.read(path)
  if (bytes === null) return null
  try {
    return JSON.parse(bytes.toString('utf8')) as T | null
  } catch {
    return null
  }
}
