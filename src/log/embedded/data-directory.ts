/**
 * A data directory:
 *
 *     FORMAT    {"format": 1, "product": "tidemark"}; written aside, synced, renamed
 *     PID       of the process that has it open; to name it in messages, no lock
 *     storage/  RocksDB; its LOCK is the lock, and the system releases it when the process dies
 *
 * Other files in it belong to others and are left alone.
 */
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { TidemarkError, messageOf } from '../../core/errors.ts'

export const dataDirectoryFormat = 1

export function storageDirectory(directory: string): string {
  return join(directory, 'storage')
}

/** Makes the directory if need be and checks that this release can read it.
 * @throws TidemarkError DATA_DIR_NEWER | DATA_DIR_CORRUPT | DISK_FULL */
export async function prepareDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(storageDirectory(directory), { recursive: true })
    const text = await readOptional(join(directory, 'FORMAT'))
    if (text !== null) checkFormat(directory, text)
    else await writeFormat(directory)
  } catch (thrown) {
    if (thrown instanceof TidemarkError) throw thrown
    throw openingFailed(directory, thrown, null)
  }
}

/** After the storage is open. */
export async function notePid(directory: string, pid: number): Promise<void> {
  await writeFile(join(directory, 'PID'), `${pid}\n`)
}

export async function forgetPid(directory: string): Promise<void> {
  await rm(join(directory, 'PID'), { force: true })
}

/** What RocksDB or the file system said while opening, as one of our errors. */
export async function explainOpening(directory: string, thrown: unknown): Promise<TidemarkError> {
  const pid = await readOptional(join(directory, 'PID')).catch(() => null)
  return openingFailed(directory, thrown, pid === null ? null : Number.parseInt(pid, 10))
}

export function isDiskFull(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return true
    if (/no space left|disk quota exceeded|file too large/i.test(error.message)) return true
  }
  return false
}

export function diskFull(directory: string, cause: unknown): TidemarkError {
  return new TidemarkError(
    'DISK_FULL',
    `no space is left in ${directory}: nothing was acknowledged that is not written; free some space`,
    { details: { directory }, cause },
  )
}

function openingFailed(directory: string, thrown: unknown, pid: number | null): TidemarkError {
  if (isDiskFull(thrown)) return diskFull(directory, thrown)
  const message = messageOf(thrown)
  if (/lock hold by current process|while lock file/i.test(message)) {
    const holder = pid === null || Number.isNaN(pid) ? 'another process' : `process ${pid}`
    return new TidemarkError(
      'DATA_DIR_IN_USE',
      `data directory ${directory} is in use by ${holder}: stop it, or name another with --data-dir`,
      { details: { directory, pid }, cause: thrown },
    )
  }
  return new TidemarkError(
    'DATA_DIR_CORRUPT',
    `data directory ${directory} cannot be read: ${message}`,
    { details: { directory }, cause: thrown },
  )
}

function checkFormat(directory: string, text: string): void {
  let format: unknown
  try {
    format = (JSON.parse(text) as { format?: unknown } | null)?.format
  } catch {
    format = undefined
  }
  if (typeof format !== 'number' || !Number.isInteger(format)) {
    throw new TidemarkError(
      'DATA_DIR_CORRUPT',
      `data directory ${directory}: its FORMAT file is unreadable`,
      { details: { directory } },
    )
  }
  if (format > dataDirectoryFormat) {
    throw new TidemarkError(
      'DATA_DIR_NEWER',
      `data directory ${directory} has format ${format}, this release reads up to format ` +
        `${dataDirectoryFormat}: use the newer release`,
      { details: { directory, format, formatMax: dataDirectoryFormat } },
    )
  }
}

async function writeFormat(directory: string): Promise<void> {
  if ((await readdir(storageDirectory(directory))).length > 0) {
    throw new TidemarkError(
      'DATA_DIR_CORRUPT',
      `data directory ${directory} has a storage but no FORMAT file`,
      { details: { directory } },
    )
  }
  const aside = join(directory, 'FORMAT.new')
  const text = `${JSON.stringify({ format: dataDirectoryFormat, product: 'tidemark' })}\n`
  await writeFile(aside, text, { flush: true })
  await rename(aside, join(directory, 'FORMAT'))
  await syncDirectory(directory)
  await syncDirectory(dirname(directory))
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readOptional(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}
