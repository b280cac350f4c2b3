/**
 * The files of a folder that nobody writes any more. A file is ready when neither its size nor its time has changed for
 * `stillForMs`: by the file's own time, or, where that lies in the future, by having looked at it twice.
 */
import { opendirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'

export interface ReadyFilesOptions {
  readonly directory: string
  readonly clock: Clock
  readonly stillForMs: number
  /** Names that are no drops. */
  readonly reserved: ReadonlySet<string>
}

interface Watched {
  readonly size: number
  readonly modifiedMs: number
  readonly sinceMs: number
}

/** Files whose time lies in the future, watched at once; others wait for room. */
const watchedMax = 10_000
/** How writers name what is not finished yet. */
const unfinished = /(^\.)|\.(part|partial|tmp|temp|crdownload|filepart|swp)$|~$/i

export class ReadyFiles {
  readonly #options: ReadyFilesOptions
  #watched = new Map<string, Watched>()
  #waiting = 0

  constructor(options: ReadyFilesOptions) {
    this.#options = options
  }

  /** Seen in the last pass, but not ready. */
  get waiting(): number {
    return this.#waiting
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

  /** Null where it is no file: gone, a pipe, a link that leads nowhere or to a folder. */
  #isReady(name: string, before: ReadonlyMap<string, Watched>): boolean | null {
    const { directory, clock, stillForMs } = this.#options
    const stats = statSync(join(directory, name), { throwIfNoEntry: false })
    if (stats === undefined || !stats.isFile()) return null
    const ageMs = clock.nowMs() - stats.mtimeMs
    if (ageMs >= 0) return ageMs >= stillForMs
    const seen = before.get(name)
    const isSame = seen?.size === stats.size && seen.modifiedMs === stats.mtimeMs
    const nowMs = clock.monotonicMs()
    const sinceMs = isSame ? seen.sinceMs : nowMs
    if (nowMs - sinceMs >= stillForMs && isSame) return true
    if (this.#watched.size < watchedMax) {
      this.#watched.set(name, { size: stats.size, modifiedMs: stats.mtimeMs, sinceMs })
    }
    return false
  }
}

function mayBeDrop(entry: Dirent): boolean {
  return !entry.isDirectory() && !unfinished.test(entry.name)
}
