/** When the system does not let a drop folder be worked on: a full disk, a right that is missing, a folder that is away. */
import { existsSync, mkdirSync } from 'node:fs'
import { messageOf, TidemarkError } from '../../core/errors.ts'

/** What the system says of the folder or of a file in it, as an error of ours; others as they are. */
export function folderError(directory: string, thrown: unknown): unknown {
  const { code, syscall } = thrown as NodeJS.ErrnoException
  if (thrown instanceof TidemarkError || code === undefined || syscall === undefined) return thrown
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  const message = `the drop folder ${directory}: ${messageOf(thrown)}`
  const options = { cause: thrown, details: { directory } }
  return new TidemarkError(isFull ? 'DISK_FULL' : 'SOURCE_UNREADABLE', message, options)
}

/** One that may be over by the next look. */
export function isFolderFault(thrown: unknown): thrown is TidemarkError {
  if (!(thrown instanceof TidemarkError)) return false
  return thrown.code === 'SOURCE_UNREADABLE' || thrown.code === 'DISK_FULL'
}

/** Folders within a drop folder that someone has taken away; not that itself, which may be a disk that is away. */
export function makeMissing(paths: readonly string[]): void {
  for (const path of paths) if (!existsSync(path)) mkdirSync(path)
}
