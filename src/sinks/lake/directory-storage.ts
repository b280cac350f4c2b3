/** A lake in a directory, of this machine or one that several share (NFS). */
import { createReadStream } from 'node:fs'
import { link, mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { ByteRange, LakeObject, LakeStorage } from './lake-storage.ts'
import { WorkDirectory } from './work-directory.ts'

export interface DirectoryStorageOptions {
  /** Made where it is missing. */
  readonly directory: string
  readonly clock: Clock
}

/** Not part of the lake: files get their names by a rename, which needs them on the same disk. */
const workName = '.work'

export class DirectoryStorage implements LakeStorage {
  readonly location: string
  readonly #root: string
  readonly #work: WorkDirectory

  constructor({ directory, clock }: DirectoryStorageOptions) {
    this.#root = resolve(directory)
    this.location = this.#root
    this.#work = new WorkDirectory(join(this.#root, workName), clock)
  }

  workFile(): Promise<string> {
    return this.#told(() => this.#work.file())
  }

  putFile(path: string, file: string): Promise<void> {
    return this.#told(async () => {
      await flush(file)
      await this.#named(path, (target) => rename(file, target))
    })
  }

  putText(path: string, text: string): Promise<void> {
    return this.#told(async () => {
      const file = await this.#textFile(text)
      await this.#named(path, (target) => rename(file, target))
    })
  }

  createText(path: string, text: string): Promise<boolean> {
    return this.#told(async () => {
      const file = await this.#textFile(text)
      try {
        // A link, unlike a rename, is refused where the name is taken.
        await this.#named(path, (target) => link(file, target))
        return true
      } catch (thrown) {
        if (codeOf(thrown) === 'EEXIST') return false
        throw thrown
      } finally {
        await rm(file, { force: true })
      }
    })
  }

  read(path: string, range?: ByteRange): Promise<Buffer | null> {
    return this.#told(async () => {
      const handle = await absent(open(this.#at(path)))
      if (handle === null) return null
      try {
        const { start, end } = range ?? { start: 0, end: (await handle.stat()).size }
        const bytes = Buffer.alloc(end - start)
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
        return bytes.subarray(0, bytesRead)
      } finally {
        await handle.close()
      }
    })
  }

  open(path: string): Promise<AsyncIterable<Uint8Array> | null> {
    return this.#told(async () => {
      const found = await absent(stat(this.#at(path)))
      return found === null ? null : (createReadStream(this.#at(path)) as AsyncIterable<Uint8Array>)
    })
  }

  async *list(prefix: string): AsyncGenerator<LakeObject> {
    // The folder that all of them are in; within it the rest of the prefix decides.
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    for await (const object of this.#walk(this.#at(folder))) {
      if (object.path.startsWith(prefix)) yield object
    }
  }

  changeClass(path: string, storageClass: string): Promise<boolean> {
    // Settings that ask for it are refused: a directory has no classes.
    return Promise.reject(new RangeError(`${path} in a directory cannot be ${storageClass}`))
  }

  remove(path: string): Promise<void> {
    return this.#told(async () => {
      await rm(this.#at(path), { force: true })
      await this.#removeEmpty(dirname(this.#at(path)))
    })
  }

  close(): Promise<void> {
    return this.#told(() => this.#work.remove())
  }

  #at(path: string): string {
    return join(this.#root, ...path.split('/'))
  }

  async #textFile(text: string): Promise<string> {
    const file = await this.#work.file()
    await writeFile(file, text)
    await flush(file)
    return file
  }

  /** Another holder may take the folder away just then, as an empty one. */
  async #named(path: string, name: (target: string) => Promise<void>): Promise<void> {
    const target = this.#at(path)
    for (let attempt = 1; ; attempt += 1) {
      await mkdir(dirname(target), { recursive: true })
      try {
        await name(target)
        break
      } catch (thrown) {
        if (codeOf(thrown) !== 'ENOENT' || attempt === 3) throw thrown
      }
    }
    await flush(dirname(target))
  }

  async *#walk(directory: string): AsyncGenerator<LakeObject> {
    const entries = await this.#told(() => absent(readdir(directory, { withFileTypes: true })))
    for (const entry of entries ?? []) {
      const path = join(directory, entry.name)
      if (entry.name === workName) continue
      if (entry.isDirectory()) yield* this.#walk(path)
      else if (entry.isFile()) {
        const found = await this.#told(() => absent(stat(path)))
        const name = relative(this.#root, path).split(sep).join('/')
        if (found !== null) {
          yield { path: name, bytes: found.size, modifiedMs: found.mtimeMs, storageClass: null }
        }
      }
    }
  }

  async #removeEmpty(directory: string): Promise<void> {
    if (directory === this.#root || !directory.startsWith(this.#root)) return
    try {
      await rmdir(directory)
    } catch {
      // It holds something, or somebody else was faster.
      return
    }
    await this.#removeEmpty(dirname(directory))
  }

  async #told<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (thrown) {
      throw storageError(thrown, this.location)
    }
  }
}

/** What was written, or a folder's names, is on the disk when it resolves. */
async function flush(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function absent<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null
    throw thrown
  }
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown } | null)?.code
}

const refusals: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR'])

function storageError(thrown: unknown, location: string): unknown {
  if (thrown instanceof TidemarkError || typeof codeOf(thrown) !== 'string') return thrown
  const details = { location }
  const said = messageOf(thrown)
  if (codeOf(thrown) === 'ENOSPC' || codeOf(thrown) === 'EDQUOT') {
    const message = `no space is left for the lake in ${location}: ${said}`
    return new TidemarkError('DISK_FULL', message, { cause: thrown, details })
  }
  if (refusals.has(codeOf(thrown))) {
    const message = `the lake in ${location} refuses: ${said}; grant it, or correct lake.location`
    return new TidemarkError('LAKE_REFUSED', message, { cause: thrown, details })
  }
  const message = `the lake in ${location} cannot be reached: ${said}`
  return new TidemarkError('LAKE_UNREACHABLE', message, { cause: thrown, details })
}
