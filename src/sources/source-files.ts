/** Files that sources read: found by what they may be called, opened plain or gzipped. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'
import { messageOf, TidemarkError } from '../core/errors.ts'

export const tableExtensions = ['.csv', '.csv.gz', '.tsv', '.tsv.gz'] as const

/** In any case: a file that was packed on another system may be `X.CSV.GZ`. */
export function isTableName(name: string): boolean {
  const lower = name.toLowerCase()
  return tableExtensions.some((extension) => lower.endsWith(extension))
}

/** @throws TidemarkError SOURCE_UNREADABLE, naming all that was looked for */
export function findTable(directory: string, name: string): string {
  const names = namesIn(directory)
  for (const extension of tableExtensions) {
    const found = names.find(
      (each) => each.startsWith(name) && each.slice(name.length).toLowerCase() === extension,
    )
    if (found !== undefined) return join(directory, found)
  }
  const looked = tableExtensions.map((extension) => `${name}${extension}`).join(', ')
  const where = existsSync(directory) ? `in ${directory}` : `: there is no directory ${directory}`
  throw new TidemarkError('SOURCE_UNREADABLE', `found none of ${looked} ${where}`, {
    details: { directory, name },
  })
}

/** Of nothing, and of a file, none. */
function namesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  try {
    return readdirSync(directory)
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

/** Paths of all that are there, by name. @throws TidemarkError SOURCE_UNREADABLE, also where there is none */
export function tablesIn(directory: string): readonly string[] {
  let entries: readonly Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch (cause) {
    throw unreadable(directory, cause)
  }
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  const isTable = (name: string) =>
    !name.startsWith('.') && tableExtensions.some((extension) => name.endsWith(extension))
  const tables = names.filter(isTable).sort()
  if (tables.length > 0) return tables.map((name) => join(directory, name))
  const looked = tableExtensions.map((extension) => `*${extension}`).join(', ')
  throw new TidemarkError('SOURCE_UNREADABLE', `found none of ${looked} in ${directory}`, {
    details: { directory },
  })
}

export interface OpenedFile {
  /** Unpacked. */
  readonly chunks: AsyncIterable<Buffer>
  readonly bytesTotal: number
  /** Of the file as it lies on disk. */
  bytesRead(): number
}

/** @throws TidemarkError SOURCE_UNREADABLE, here or while reading */
export function openFile(path: string): OpenedFile {
  const bytesTotal = sizeOf(path)
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  const stream = /\.gz$/i.test(path)
    ? // The reader hears of a failure from the last stream of the pipeline.
      pipeline(file, createGunzip({ chunkSize: 256 * 1024 }), () => undefined)
    : file
  return {
    chunks: readable(stream as AsyncIterable<Buffer>, path),
    bytesTotal,
    bytesRead: () => file.bytesRead,
  }
}

async function* readable(stream: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* stream
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function sizeOf(path: string): number {
  try {
    const stats = statSync(path)
    if (stats.isDirectory()) throw new Error('it is a directory')
    return stats.size
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** SHA-256 of the file as it lies on disk, the first 16 bytes as hex: whose rows these are. */
export async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  sizeOf(path)
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer)
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
  return hash.digest('hex').slice(0, 32)
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const carriageReturn = 0x0d
const lineFeed = 0x0a

/**
 * SHA-256 of what a file says, the first 16 bytes as hex: packed or not, with CRLF or LF, with a byte order mark or
 * without it are the same rows. A line end within a quoted cell is not told apart from another one either.
 * @throws TidemarkError SOURCE_UNREADABLE
 */
export async function rowsHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  let isFirst = true
  // A carriage return at the end of a chunk goes where a line feed comes next.
  let isHeldBack = false
  for await (const chunk of openFile(path).chunks) {
    if (chunk.length === 0) continue
    let bytes = chunk
    if (isFirst && bytes.subarray(0, 3).equals(byteOrderMark)) bytes = bytes.subarray(3)
    isFirst = false
    if (isHeldBack && bytes[0] !== lineFeed) hash.update('\r')
    isHeldBack = bytes.at(-1) === carriageReturn
    if (isHeldBack) bytes = bytes.subarray(0, -1)
    if (bytes.includes('\r\n')) {
      bytes = Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    }
    hash.update(bytes)
  }
  if (isHeldBack) hash.update('\r')
  return hash.digest('hex').slice(0, 32)
}

function unreadable(path: string, cause: unknown): TidemarkError {
  return new TidemarkError('SOURCE_UNREADABLE', `${path}: ${messageOf(cause)}`, {
    details: { path },
    cause,
  })
}
