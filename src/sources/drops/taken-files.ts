/**
 * Files that were moved to `done/` or `failed/`, for a while after: a writer that paused still has its file open, and what
 * it goes on to write lies there, read by nobody. Only files that were young when they were judged are watched. The list
 * is kept in the folder, so that an instance that is started again watches on.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { DroppedFile } from '../../processors/student-performance/batch.ts'
import type { DropIdentity } from './drop-records.ts'

export interface JudgedFile {
  readonly identity: DropIdentity
  readonly inode: number
  readonly folder: 'done' | 'failed'
  /** Under which it lies there. */
  readonly name: string
  /** Of what was read. */
  readonly bytes: number
  /** What its rows say of it; null where nothing of it was taken. */
  readonly file: DroppedFile | null
  /** The name under which the same content came before: then its rows are those of that file. */
  readonly sameAs: string | null
}

export interface ChangedFile extends JudgedFile {
  /** Where it lies now. */
  readonly path: string
  readonly bytesNow: number
}

/** From a file's last change, and from when it was judged. */
export const watchMs = 60_000
/** Files that are watched at once where nothing else is said; beyond them the oldest are let go, which the log tells. */
export const watchedFilesMax = 1_000

const listName = '.watched.json'

export class TakenFiles {
  readonly #clock: Clock
  readonly #directory: string
  readonly #filesMax: number
  /** By where they lie, in the order they were judged. */
  readonly #watched = new Map<string, { readonly file: JudgedFile; readonly untilMs: number }>()
  #letGo: string[] = []
  #isSaved = true

  constructor(clock: Clock, directory: string, filesMax: number) {
    this.#clock = clock
    this.#filesMax = filesMax
    this.#directory = directory
    const untilMs = clock.monotonicMs() + watchMs
    for (const file of savedFiles(join(directory, listName))) {
      this.#watched.set(this.#pathOf(file), { file, untilMs })
    }
  }

  note(file: JudgedFile): void {
    if (this.#clock.nowMs() - file.identity.modifiedAtMs > watchMs) return
    this.#isSaved = false
    const untilMs = this.#clock.monotonicMs() + watchMs
    this.#watched.set(this.#pathOf(file), { file, untilMs })
    if (this.#watched.size <= this.#filesMax) return
    for (const [path, oldest] of this.#watched) {
      this.#letGo.push(oldest.file.identity.name)
      this.#watched.delete(path)
      return
    }
  }

  /** Those that were written on; each until it is released. */
  changed(): readonly ChangedFile[] {
    const changed: ChangedFile[] = []
    const nowMs = this.#clock.monotonicMs()
    for (const [path, { file, untilMs }] of this.#watched) {
      const stats = statSync(path, { throwIfNoEntry: false })
      const isThere = stats?.ino === file.inode
      const isLonger = isThere && stats.size > file.bytes
      const isOther =
        isThere &&
        (stats.size !== file.bytes || Math.floor(stats.mtimeMs) !== file.identity.modifiedAtMs)
      if (isThere && (file.file === null ? isOther : isLonger)) {
        changed.push({ ...file, path, bytesNow: stats.size })
      } else if (!isThere || nowMs >= untilMs) this.release(path)
    }
    return changed
  }

  release(path: string): void {
    if (this.#watched.delete(path)) this.#isSaved = false
  }

  /** The names of those that were let go since it was asked last. */
  letGo(): readonly string[] {
    const names = this.#letGo
    this.#letGo = []
    return names
  }

  save(): void {
    if (this.#isSaved) return
    const path = join(this.#directory, listName)
    const files = [...this.#watched.values()].map(({ file }) => file)
    writeFileSync(`${path}.tmp`, JSON.stringify(files))
    renameSync(`${path}.tmp`, path)
    this.#isSaved = true
  }

  /** In its folder whatever the list says: others may write it. */
  #pathOf({ folder, name }: JudgedFile): string {
    return join(this.#directory, folder === 'done' ? 'done' : 'failed', basename(name))
  }
}

/** None where there is no list, or not one of this shape: then nothing is watched that was judged before. */
function savedFiles(path: string): readonly JudgedFile[] {
  try {
    const files: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(files) ? files.filter(isJudgedFile) : []
  } catch {
    return []
  }
}

function isJudgedFile(value: unknown): value is JudgedFile {
  const file = value as Partial<JudgedFile> | null
  const identity = file?.identity as Partial<DropIdentity> | undefined
  return (
    typeof identity?.name === 'string' &&
    typeof identity.contentHash === 'string' &&
    typeof identity.modifiedAtMs === 'number' &&
    typeof file?.name === 'string' &&
    typeof file.inode === 'number' &&
    typeof file.bytes === 'number' &&
    (file.file === null || typeof file.file?.batches === 'number')
  )
}
