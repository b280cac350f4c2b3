/**
 * One dropped file from its bytes to what is to be sent, or to the reason why it is refused. Whatever is judged is what
 * is sent: a small file is held whole, a larger one is copied aside first, so that nobody changes it in between.
 */
import { createHash, randomBytes, type Hash } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import type { DroppedFile } from '../../processors/student-performance/batch.ts'
import { eventTimeMaxMs, eventTimeMinMs } from '../../quality/event-time.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import { contentHash, openFile } from '../source-files.ts'
import { extensionsOf, parquetName } from './drop-paths.ts'
import type { Problem } from './drop-report.ts'
import type { DropIdentity } from './drop-records.ts'
import { ParquetFile } from './parquet-file.ts'
import { readRows, type ReadRows } from './read-rows.ts'
import type { RowBatch } from './row-batch.ts'

export interface PrepareDrop {
  readonly path: string
  readonly name: string
  /** Where larger files are copied to, on the same disk. */
  readonly asideDirectory: string
  /** Absent: no Parquet is written. */
  readonly parquetDirectory?: string
  /** A file that does not end with a line's end, or is refused, is left alone until it has been still for so long. */
  readonly completeAfterMs: number
  readonly nowMs: number
}

export type PreparedDrop =
  /** Gone, changed while it was read, or not yet complete. */
  | { readonly kind: 'later'; readonly name: string }
  /** The system does not let it be read; it may tomorrow. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly why: string }
  | {
      readonly kind: 'refused'
      readonly identity: DropIdentity
      readonly inode: number
      readonly modifiedMs: number
      readonly bytes: number
      readonly columns: readonly string[] | null
      readonly rowsRead: number
      readonly problems: readonly Problem[]
      readonly problemsTotal: number
    }
  | AcceptedDrop

export interface AcceptedDrop {
  readonly kind: 'accepted'
  /** Of its content unpacked: the same file packed and not is one. */
  readonly identity: DropIdentity
  /** Of the bytes as they came, where those were packed: by it the content was known once; else null. */
  readonly packedHash: string | null
  readonly inode: number
  /** As the system says it: by it and the size a change is seen. */
  readonly modifiedMs: number
  readonly file: DroppedFile
  /** Null where they are still to be read, from `aside`. */
  readonly batches: readonly RowBatch[] | null
  /** The copy of a larger file; whoever is done with it removes it. */
  readonly aside: string | null
  /** Name of the Parquet file and its size; null where none is written, or not yet. */
  readonly parquet: ParquetWritten | null
}

export interface ParquetWritten {
  readonly name: string
  readonly bytes: number
}

/** Held whole; beyond it a file is read twice, from a copy. */
export const wholeBytesMax = 4 * 1024 * 1024
const lineFeed = 0x0a

export async function prepareDrop(request: PrepareDrop, schema: FileSchema): Promise<PreparedDrop> {
  const { path, name } = request
  try {
    return await prepare(request, schema)
  } catch (thrown) {
    if (!isUnreadable(thrown, path)) throw thrown
    return { kind: 'unreadable', name, why: messageOf(thrown) }
  }
}

/** Of the file alone: no room for copies, or no folder for Parquet, is not its fault. */
function isUnreadable(thrown: unknown, path: string): boolean {
  const { code, path: of, syscall } = thrown as NodeJS.ErrnoException
  if (syscall === 'read') return true
  return (
    of === path && code !== undefined && !['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'].includes(code)
  )
}

async function prepare(request: PrepareDrop, schema: FileSchema): Promise<PreparedDrop> {
  const { path, name } = request
  const still = readStill(path)
  if (still === null) return { kind: 'later', name }
  const { stats, bytes, endsLine } = still
  const modifiedAtMs = modifiedAtOf(stats)
  const ageMs = request.nowMs - stats.mtimeMs
  // One of the future was watched for so long before it came here.
  const isYoung = ageMs >= 0 && ageMs < request.completeAfterMs
  if (!endsLine && isYoung) return { kind: 'later', name }
  if (bytes === null) return prepareLarge(request, schema, stats, isYoung)
  const hash = hexOf(createHash('sha256').update(bytes))
  const identity = { name, contentHash: hash, modifiedAtMs }
  const batches: RowBatch[] = []
  const rows = await readRows(chunksOf(bytes), name, schema, (batch) => void batches.push(batch))
  if (rows.problemsTotal > 0)
    return isYoung ? { kind: 'later', name } : refused(identity, stats, rows)
  const parquet = writeParquet(request, identity, batches, schema)
  const file = fileOf(identity, stats, rows)
  return {
    kind: 'accepted',
    identity,
    packedHash: null,
    inode: stats.ino,
    modifiedMs: stats.mtimeMs,
    file,
    batches,
    aside: null,
    parquet,
  }
}

/** First pass over the copy: is it good? The second one sends it. */
async function prepareLarge(
  { path, name, asideDirectory, nowMs }: PrepareDrop,
  schema: FileSchema,
  before: Stats,
  isYoung: boolean,
): Promise<PreparedDrop> {
  const aside = join(
    asideDirectory,
    `${before.ino}-${nowMs}-${randomBytes(4).toString('hex')}${extensionsOf(name)}`,
  )
  try {
    copyFileSync(path, aside, constants.COPYFILE_FICLONE)
    if (!isSame(before, statSync(path))) {
      rmSync(aside, { force: true })
      return { kind: 'later', name }
    }
    const modifiedAtMs = modifiedAtOf(before)
    const asItCame = { name, contentHash: await contentHash(aside), modifiedAtMs }
    const unpacked = isPacked(name) ? createHash('sha256') : null
    const { chunks } = openFile(aside)
    const read = unpacked === null ? chunks : hashing(chunks, unpacked)
    const rows = await readRows(read, name, schema, () => {})
    if (rows.problemsTotal === 0) {
      // Without a problem it was read to its end.
      const identity = unpacked === null ? asItCame : { ...asItCame, contentHash: hexOf(unpacked) }
      const file = fileOf(identity, before, rows)
      return {
        kind: 'accepted',
        identity,
        packedHash: unpacked === null ? null : asItCame.contentHash,
        inode: before.ino,
        modifiedMs: before.mtimeMs,
        file,
        batches: null,
        aside,
        parquet: null,
      }
    }
    rmSync(aside, { force: true })
    return isYoung ? { kind: 'later', name } : refused(asItCame, before, rows)
  } catch (thrown) {
    rmSync(aside, { force: true })
    if (isGone(thrown)) return { kind: 'later', name }
    throw thrown
  }
}

/** Within what a record may bear: a file system takes any time. */
export function modifiedAtOf({ mtimeMs }: Stats): number {
  return Math.min(Math.max(Math.floor(mtimeMs), eventTimeMinMs), eventTimeMaxMs)
}

/** Second pass over a copy. */
export async function readAside(
  aside: string,
  schema: FileSchema,
  onBatch: (batch: RowBatch) => Promise<void>,
): Promise<void> {
  await readRows(openFile(aside).chunks, aside, schema, onBatch)
}

function writeParquet(
  { parquetDirectory }: PrepareDrop,
  identity: DropIdentity,
  batches: readonly RowBatch[],
  schema: FileSchema,
): ParquetWritten | null {
  if (parquetDirectory === undefined) return null
  const name = parquetName(identity)
  const parquet = new ParquetFile(join(parquetDirectory, name), schema)
  try {
    for (const batch of batches) parquet.add(batch)
    return { name, bytes: parquet.finish() }
  } catch (thrown) {
    parquet.giveUp()
    throw thrown
  }
}

interface StillFile {
  readonly stats: Stats
  /** Null where the file is large or packed. */
  readonly bytes: Buffer | null
  readonly endsLine: boolean
}

/** Null where the file is gone, or changes while it is read. */
function readStill(path: string): StillFile | null {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (thrown) {
    if (isGone(thrown)) return null
    throw thrown
  }
  try {
    const stats = fstatSync(descriptor)
    const packed = isPacked(path)
    if (packed || stats.size > wholeBytesMax) {
      const last = Buffer.alloc(1)
      readSync(descriptor, last, 0, 1, Math.max(0, stats.size - 1))
      return { stats, bytes: null, endsLine: packed || last[0] === lineFeed }
    }
    // One byte more than there should be: a file that grows is seen.
    const bytes = Buffer.allocUnsafe(stats.size + 1)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    if (length !== stats.size || !isSame(stats, fstatSync(descriptor))) return null
    return { stats, bytes: bytes.subarray(0, length), endsLine: bytes[length - 1] === lineFeed }
  } finally {
    closeSync(descriptor)
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs
}

function isGone(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT'
}

function isPacked(path: string): boolean {
  return path.endsWith('.gz')
}

/** What is read, and what was read in `hash`. */
async function* hashing(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

/** As `contentHash`. */
function hexOf(hash: Hash): string {
  return hash.digest('hex').slice(0, 32)
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield bytes
}

function fileOf({ name }: DropIdentity, { size }: Stats, rows: ReadRows): DroppedFile {
  return {
    file_name: name,
    bytes: size,
    batches: rows.batches,
    rows_read: rows.rowsRead,
    rows_removed: rows.rowsRemoved,
    findings: rows.findings,
  }
}

function refused(identity: DropIdentity, stats: Stats, rows: ReadRows): PreparedDrop {
  const { columns, rowsRead, problems, problemsTotal } = rows
  return {
    kind: 'refused',
    identity,
    inode: stats.ino,
    modifiedMs: stats.mtimeMs,
    bytes: stats.size,
    columns,
    rowsRead,
    problems,
    problemsTotal,
  }
}
