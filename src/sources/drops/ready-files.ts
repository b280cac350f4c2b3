/**
 * The files of a folder that nobody writes any more. A file is ready when neither its size nor its time has changed for
 * `stillForMs`: by the file's own time. Where that lies in the future it says nothing, and the file has to be seen the same
 * for `completeAfterMs`.
 */
import { lstatSync, opendirSync, type Dirent, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'

export interface ReadyFilesOptions {
  readonly directory: string
  readonly clock: Clock
  readonly stillForMs: number
  /** As of `PrepareDrop`, which cannot tell how long such a file has been still. */
  readonly completeAfterMs: number
  /** Names that are no drops. */
  readonly reserved: ReadonlySet<string>
}

export interface LeftEntry {
  readonly name: string
  readonly why: string
}

interface Watched {
  readonly size: number
  readonly modifiedMs: number
  readonly sinceMs: number
}

/** Files whose time lies in the future, watched at once; others wait for room. */
const watchedMax = 10_000
/** Entries that are not taken, which are remembered so that each is told once; more are not told. */
const leftMax = 1_000
/** How writers name what is not finished yet. */
const unfinished = /(^\.)|\.(part|partial|tmp|temp|crdownload|filepart|swp)$|~$/i

export class ReadyFiles {
  readonly #options: ReadyFilesOptions
  #watched = new Map<string, Watched>()
  #waiting = 0
  readonly #left = new Set<string>()
  #newlyLeft: LeftEntry[] = []

  constructor(options: ReadyFilesOptions) {
    this.#options = options
  }

  /** Seen in the last pass, but not ready. */
  get waiting(): number {
    return this.#waiting
  }

  /** Entries so far that cannot be taken: no files, or none that can be read. */
  get left(): number {
    return this.#left.size
  }

  /** Those of them that this was not asked about before. */
  newlyLeft(): readonly LeftEntry[] {
    const entries = this.#newlyLeft
    this.#newlyLeft = []
    return entries
  }

  /** One pass over the folder, in the order of its entries, however many there are. */
  *pass(): Generator<string> {
    const { directory, reserved } = this.#options
    const before = this.#watched
    this.#watched = new Map()
    this.#waiting = 0
    const entries = opendirSync(directory, { bufferSize: 1024 })
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (!mayBeDrop(entry) || reserved.has(entry.name)) continue
        const isReady = this.#isReady(entry.name, before)
        if (isReady === true) yield entry.name
        else if (isReady === false) this.#waiting++
      }
    } finally {
      entries.closeSync()
    }
  }

  /** Null where it is no file: gone, a pipe, a folder, or a link: what that leads to is not the folder's. */
  #isReady(name: string, before: ReadonlyMap<string, Watched>): boolean | null {
    const { directory, clock, stillForMs, completeAfterMs } = this.#options
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false })
    if (stats === undefined) {
      // Read as UTF-8, such a name is another one.
      if (name.includes('\ufffd')) this.leave(name, 'its name is not UTF-8; rename it')
      return null
    }
    if (!stats.isFile()) {
      this.leave(name, `it is ${kindOf(stats)}; only files of the folder itself are taken`)
      return null
    }
    const ageMs = clock.nowMs() - stats.mtimeMs
    if (ageMs >= 0) return ageMs >= stillForMs
    const seen = before.get(name)
    const isSame = seen?.size === stats.size && seen.modifiedMs === stats.mtimeMs
    const nowMs = clock.monotonicMs()
    const sinceMs = isSame ? seen.sinceMs : nowMs
    if (nowMs - sinceMs >= completeAfterMs && isSame) return true
    if (this.#watched.size < watchedMax) {
      this.#watched.set(name, { size: stats.size, modifiedMs: stats.mtimeMs, sinceMs })
    }
    return false
  }

  /** Told once. */
  leave(name: string, why: string): void {
    if (this.#left.has(name) || this.#left.size >= leftMax) return
    this.#left.add(name)
    this.#newlyLeft.push({ name, why })
  }
}

function mayBeDrop(entry: Dirent): boolean {
  return !unfinished.test(entry.name)
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link'
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}
