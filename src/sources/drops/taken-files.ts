/**
 * Files that were moved to `done/`, for a while after: a writer that paused at the end of a line still has its file open,
 * and what it goes on to write lies there, read by nobody. Only files that were young when they were taken are watched.
 */
import { statSync } from 'node:fs'
import type { Clock } from '../../core/clock.ts'
import type { DropIdentity } from './drop-records.ts'

export interface TakenFile {
  readonly identity: DropIdentity
  readonly inode: number
  /** Where it lies now. */
  readonly path: string
  /** Of what was read. */
  readonly bytes: number
}

export interface GrownFile extends TakenFile {
  readonly bytesNow: number
}

/** From its last change, and from when it was taken. */
export const watchMs = 60_000
/** Watched at once; beyond them the oldest are let go. */
const watchedMax = 1_000

export class TakenFiles {
  readonly #clock: Clock
  /** By path, in the order they were taken. */
  readonly #watched = new Map<string, { readonly file: TakenFile; readonly untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(file: TakenFile): void {
    if (this.#clock.nowMs() - file.identity.modifiedAtMs > watchMs) return
    this.#watched.set(file.path, { file, untilMs: this.#clock.monotonicMs() + watchMs })
    if (this.#watched.size <= watchedMax) return
    const [oldest] = this.#watched.keys()
    if (oldest !== undefined) this.#watched.delete(oldest)
  }

  /** Those that are longer than what was read of them; once each. */
  grown(): readonly GrownFile[] {
    const grown: GrownFile[] = []
    const nowMs = this.#clock.monotonicMs()
    for (const [path, { file, untilMs }] of this.#watched) {
      const stats = statSync(path, { throwIfNoEntry: false })
      const isThere = stats?.ino === file.inode
      if (isThere && stats.size > file.bytes) grown.push({ ...file, bytesNow: stats.size })
      else if (isThere && nowMs < untilMs) continue
      this.#watched.delete(path)
    }
    return grown
  }
}
