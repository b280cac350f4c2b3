/**
 * Makes RocksDB's writes durable. The binding cannot ask for a synced write: what a write leaves in the
 * write-ahead log is in the page cache, which a killed process survives and a power cut does not. So the log
 * file is synced from here, once per group commit.
 *
 * RocksDB begins a new log file when a memtable is full. A write goes to the file that is current after it, or
 * to one between that and the one that was current before: all of these are synced, and the directory,
 * for the new file's name. A file that is gone was written to a table, which RocksDB syncs by itself.
 */
import { open, readdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

export interface WriteAheadLogs {
  /** The number in the name of the log file that takes the next write. */
  currentNumber(): Promise<number>
}

/** How a file reaches the disk; the test's double counts. */
export interface FileSync {
  (handle: FileHandle): Promise<void>
}

const logFile = /^(\d{6,})\.log$/

export class WriteAheadSync {
  readonly #directory: string
  readonly #logs: WriteAheadLogs
  readonly #sync: FileSync
  #current: { readonly number: number; readonly handle: FileHandle } | null = null
  #syncs = 0

  constructor(
    directory: string,
    logs: WriteAheadLogs,
    sync: FileSync = (handle) => handle.datasync(),
  ) {
    this.#directory = directory
    this.#logs = logs
    this.#sync = sync
  }

  get syncs(): number {
    return this.#syncs
  }

  /** Opens the log that takes the first write. */
  async start(): Promise<void> {
    await this.#moveTo(await this.#logs.currentNumber())
  }

  /** After a write: when it resolves, all writes so far are on the disk. */
  async afterWrite(): Promise<void> {
    const number = await this.#logs.currentNumber()
    const before = this.#current
    if (before === null || before.number !== number) {
      await this.#syncBetween(before?.number ?? 0, number)
      if (before !== null) await this.#syncHandle(before.handle)
      await this.#moveTo(number)
    }
    if (this.#current !== null) await this.#syncHandle(this.#current.handle)
  }

  async close(): Promise<void> {
    await this.#current?.handle.close()
    this.#current = null
  }

  async #moveTo(number: number): Promise<void> {
    const handle = await open(join(this.#directory, logName(number)), 'r')
    await this.#current?.handle.close()
    this.#current = { number, handle }
    await this.#syncDirectory()
  }

  async #syncBetween(after: number, before: number): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const number = Number(logFile.exec(name)?.[1] ?? -1)
      if (number <= after || number >= before) continue
      await this.#syncFile(join(this.#directory, name))
    }
  }

  async #syncFile(path: string): Promise<void> {
    let handle: FileHandle
    try {
      handle = await open(path, 'r')
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return
      throw thrown
    }
    try {
      await this.#syncHandle(handle)
    } finally {
      await handle.close()
    }
  }

  async #syncDirectory(): Promise<void> {
    const handle = await open(this.#directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async #syncHandle(handle: FileHandle): Promise<void> {
    this.#syncs++
    await this.#sync(handle)
  }
}

function logName(number: number): string {
  return `${String(number).padStart(6, '0')}.log`
}
