/** Whether the files of a day are there as its metadata says. */
import { createHash } from 'node:crypto'
import { parquetMetadataAsync, type AsyncBuffer, type FileMetaData } from 'hyparquet'
import { messageOf } from '../../core/errors.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import type { DayMetadata, FileEntry } from './metadata.ts'
import { dayFolder, metadataName } from './places.ts'

export interface CheckedFile {
  readonly entry: FileEntry
  readonly buffer: AsyncBuffer
  readonly metadata: FileMetaData
}

export interface CheckedDay {
  readonly faults: readonly string[]
  /** Files that the day's metadata does not name. */
  readonly unnamed: readonly string[]
  /** Those that are as they should be. */
  readonly files: readonly CheckedFile[]
}

export async function checkFiles(
  storage: LakeStorage,
  metadata: DayMetadata,
  listed: ReadonlyMap<string, number>,
): Promise<CheckedDay> {
  const faults: string[] = []
  const files: CheckedFile[] = []
  for (const entry of metadata.files) {
    const checked = await checkFile(storage, `${dayFolder(metadata)}${entry.file}`, entry)
    if (typeof checked === 'string') faults.push(`${entry.file}: ${checked}`)
    else files.push(checked)
  }
  const rows = metadata.files.reduce((sum, entry) => sum + entry.rows, 0)
  if (rows !== metadata.rows) {
    faults.push(`${metadataName}: says ${metadata.rows} rows, its files have ${rows}`)
  }
  const named = new Set([metadataName, ...metadata.files.map(({ file }) => file)])
  return { faults, files, unnamed: [...listed.keys()].filter((file) => !named.has(file)) }
}

/** The file, or what is wrong with it. */
async function checkFile(
  storage: LakeStorage,
  path: string,
  entry: FileEntry,
): Promise<CheckedFile | string> {
  const body = await storage.open(path)
  if (body === null) return 'is not there'
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of body) {
    hash.update(chunk)
    bytes += chunk.length
  }
  if (bytes !== entry.bytes) return `has ${bytes} bytes, not ${entry.bytes}`
  if (hash.digest('hex') !== entry.sha256) return 'is damaged: its checksum is another'
  const buffer = bufferOf(storage, path, bytes)
  try {
    const metadata = await parquetMetadataAsync(buffer)
    if (Number(metadata.num_rows) === entry.rows) return { entry, buffer, metadata }
    return `has ${metadata.num_rows} rows, not ${entry.rows}`
  } catch (thrown) {
    return `is no Parquet: ${messageOf(thrown)}`
  }
}

function bufferOf(storage: LakeStorage, path: string, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      const bytes = await storage.read(path, { start, end })
      if (bytes === null) throw new RangeError(`${path} is gone`)
      const copy = new ArrayBuffer(bytes.length)
      new Uint8Array(copy).set(bytes)
      return copy
    },
  }
}
