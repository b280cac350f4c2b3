/**
 * Rows to files a day, in whatever order the days come. What is held in memory is bounded for a day of any size and any
 * number of days:
 *
 *  1. Rows wait until their day has a row group's worth of them; beyond `bufferBytesMax` in all days together the day that
 *     holds most writes what it has.
 *  2. At most `filesOpenMax` files are open; the one that was written to longest ago is finished for the next.
 *  3. A file that has reached `fileBytesMax` is finished, and its day goes on in another.
 */
import { setImmediate } from 'node:timers/promises'
import { LakeFile, type Compression, type FinishedFile } from './lake-file.ts'
import type { LakeColumn } from './parquet-columns.ts'

export interface DayFilesOptions {
  readonly columns: readonly LakeColumn[]
  readonly compression: Compression
  readonly fileBytesMax: number
  /** A path that nothing has yet. */
  readonly workFile: () => Promise<string>
  readonly bufferBytesMax?: number
  readonly filesOpenMax?: number
  readonly groupRowsMax?: number
}

interface Waiting {
  readonly columns: unknown[][]
  rows: number
  bytes: number
}

const groupRowsMax = 20_000
const groupBytesMax = 4 * 1024 * 1024
/** As they came; as values of JavaScript they take some ten times as much. */
const bufferBytesMax = 8 * 1024 * 1024
const filesOpenMax = 200

export class DayFiles {
  readonly #options: Required<DayFilesOptions>
  readonly #waiting = new Map<string, Waiting>()
  /** The one that was written to longest ago first. */
  readonly #open = new Map<string, LakeFile>()
  readonly #finished = new Map<string, FinishedFile[]>()
  #waitingBytes = 0

  constructor(options: DayFilesOptions) {
    this.#options = { bufferBytesMax, filesOpenMax, groupRowsMax, ...options }
  }

  /** Call `settle` after some of them. @param row which of the columns' values */
  add(day: string, columns: readonly (readonly unknown[])[], row: number, bytes: number): void {
    let waiting = this.#waiting.get(day)
    if (waiting === undefined) {
      waiting = { columns: this.#options.columns.map(() => []), rows: 0, bytes: 0 }
      this.#waiting.set(day, waiting)
    }
    for (let index = 0; index < waiting.columns.length; index += 1) {
      waiting.columns[index]?.push(columns[index]?.[row])
    }
    waiting.rows += 1
    waiting.bytes += bytes
    this.#waitingBytes += bytes
  }

  /** Writes what must not wait any longer. */
  async settle(): Promise<void> {
    // Blocks that are here already come without the event loop turning: doors and commits wait for it.
    await setImmediate()
    for (const [day, { rows, bytes }] of this.#waiting) {
      if (rows >= this.#options.groupRowsMax || bytes >= groupBytesMax) await this.#write(day)
    }
    while (this.#waitingBytes > this.#options.bufferBytesMax) {
      const [most] = [...this.#waiting].sort(([, a], [, b]) => b.bytes - a.bytes)
      if (most === undefined) return
      await this.#write(most[0])
    }
  }

  /** The files of each day, all finished. */
  async finish(): Promise<ReadonlyMap<string, readonly FinishedFile[]>> {
    for (const day of [...this.#waiting.keys()]) await this.#write(day)
    for (const day of [...this.#open.keys()]) await this.#finish(day)
    return this.#finished
  }

  /** Of files that are not finished nothing stays. */
  giveUp(): void {
    for (const file of this.#open.values()) file.giveUp()
    this.#open.clear()
    this.#waiting.clear()
  }

  async #write(day: string): Promise<void> {
    const waiting = this.#waiting.get(day)
    if (waiting === undefined) return
    this.#waiting.delete(day)
    this.#waitingBytes -= waiting.bytes
    const file = await this.#fileOf(day)
    await file.add(waiting.columns, waiting.rows)
    if (file.bytes >= this.#options.fileBytesMax) await this.#finish(day)
  }

  async #fileOf(day: string): Promise<LakeFile> {
    let file = this.#open.get(day)
    if (file === undefined) {
      const [oldest] = this.#open.keys()
      if (oldest !== undefined && this.#open.size >= this.#options.filesOpenMax) {
        await this.#finish(oldest)
      }
      const { columns, compression, workFile } = this.#options
      file = new LakeFile(await workFile(), columns, compression)
    }
    this.#open.delete(day)
    this.#open.set(day, file)
    return file
  }

  async #finish(day: string): Promise<void> {
    const file = this.#open.get(day)
    if (file === undefined) return
    this.#open.delete(day)
    const files = this.#finished.get(day) ?? []
    files.push(await file.finish())
    this.#finished.set(day, files)
  }
}
