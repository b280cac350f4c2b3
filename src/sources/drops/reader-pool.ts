/** Threads that read dropped files, each one file after another; the next goes to the one with the least in hand. */
import { Worker } from 'node:worker_threads'
import { present } from '../../core/assert.ts'
import { messageOf } from '../../core/errors.ts'
import type { PrepareDrop, PreparedDrop } from './prepare-drop.ts'
import type { ReaderAnswer, ReaderRequest } from './reader-worker.ts'

interface Waiting {
  readonly resolve: (drop: PreparedDrop) => void
  readonly reject: (thrown: unknown) => void
}

interface Reader {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
}

export class ReaderPool {
  readonly #readers: readonly Reader[]
  #lastId = 0
  #failure: Error | null = null

  /** @param schemaName of `schemas/files`, without its extension */
  constructor(schemaName: string, threads: number) {
    this.#readers = Array.from({ length: threads }, () => {
      const url = new URL('reader-worker.ts', import.meta.url)
      const worker = new Worker(url, { workerData: schemaName })
      const reader: Reader = { worker, waiting: new Map() }
      worker.on('message', (answer: ReaderAnswer) => {
        settle(reader, answer)
      })
      worker.on('error', (thrown: unknown) => {
        this.#fail(reader, thrown instanceof Error ? thrown : new Error(messageOf(thrown)))
      })
      worker.on('exit', () => {
        this.#fail(reader, new Error('the thread that read the file has ended'))
      })
      // What waits for an answer keeps the process; a thread without work does not.
      worker.unref()
      return reader
    })
  }

  prepare(request: PrepareDrop): Promise<PreparedDrop> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const reader = this.#readers.reduce((best, each) =>
      each.waiting.size < best.waiting.size ? each : best,
    )
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      reader.waiting.set(id, { resolve, reject })
      reader.worker.postMessage({ id, request } satisfies ReaderRequest)
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map(({ worker }) => worker.terminate()))
  }

  #fail({ waiting }: Reader, thrown: Error): void {
    this.#failure ??= thrown
    for (const { reject } of waiting.values()) reject(thrown)
    waiting.clear()
  }
}

function settle({ waiting }: Reader, answer: ReaderAnswer): void {
  const { resolve, reject } = present(waiting.get(answer.id), 'who asked')
  waiting.delete(answer.id)
  if ('drop' in answer) resolve(answer.drop)
  else reject(answer.thrown)
}
