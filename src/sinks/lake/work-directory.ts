/** A folder of this holder's own under a shared one, for files that are being made. */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'

/** Who has held a folder for so long without a file in it is dead. */
const leftoverMs = 24 * 60 * 60_000

export class WorkDirectory {
  readonly #parent: string
  readonly #clock: Clock
  #own: Promise<string> | null = null
  #count = 0

  constructor(parent: string, clock: Clock) {
    this.#parent = parent
    this.#clock = clock
  }

  /** A path that nothing has yet. */
  async file(): Promise<string> {
    this.#own ??= this.#make()
    const name = String((this.#count += 1))
    return join(await this.#own, name)
  }

  async remove(): Promise<void> {
    const own = this.#own
    this.#own = null
    if (own !== null) await rm(await own, { recursive: true, force: true })
  }

  async #make(): Promise<string> {
    await mkdir(this.#parent, { recursive: true })
    for (const name of await readdir(this.#parent)) {
      const path = join(this.#parent, name)
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
      if (mtimeMs < this.#clock.nowMs() - leftoverMs)
        await rm(path, { recursive: true, force: true })
    }
    return mkdtemp(join(this.#parent, 'write-'))
  }
}
