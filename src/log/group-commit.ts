/**
 * The single writer of a storage. Whatever is submitted while a write is under way goes into the next one, so
 * that many callers share one disk sync.
 *
 *  1. Jobs are prepared in the order they were submitted, and settled in that order.
 *  2. Nothing of a job is visible in memory before the write that holds it is durable.
 *  3. After a failed write the storage is recovered and read anew before another job is prepared.
 */
import { assert } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { OrderedStorage, StorageOperation } from './ordered-storage.ts'

export interface CommitJob {
  /** What it adds to a write, roughly. */
  readonly bytes: number
  /** Adds its operations. Throws, before it has changed anything, where the job is refused by itself. */
  prepare(operations: StorageOperation[]): void
  /** The write is durable: make it visible and tell the caller. */
  settle(): void
  fail(error: unknown): void
}

export interface GroupCommitLimits {
  /** A write takes no further job beyond this many bytes. */
  readonly groupBytesMax: number
  readonly groupJobsMax: number
  /** Beyond this, `isFull`: appends are refused with BACK_PRESSURE until some are written. */
  readonly queuedBytesMax: number
}

export interface GroupCommitStats {
  readonly writes: number
  readonly jobs: number
  readonly failures: number
  readonly queuedJobs: number
  readonly queuedBytes: number
}

export class GroupCommit {
  readonly #storage: OrderedStorage
  readonly #limits: GroupCommitLimits
  /** Reads what the storage holds, after it was recovered. */
  readonly #reload: () => Promise<void>
  #queue: CommitJob[] = []
  #queuedBytes = 0
  #running: Promise<void> | null = null
  #suspect = false
  #closed = false
  #writes = 0
  #jobs = 0
  #failures = 0

  constructor(storage: OrderedStorage, limits: GroupCommitLimits, reload: () => Promise<void>) {
    this.#storage = storage
    this.#limits = limits
    this.#reload = reload
  }

  get isFull(): boolean {
    return this.#queuedBytes >= this.#limits.queuedBytesMax
  }

  get isClosed(): boolean {
    return this.#closed
  }

  stats(): GroupCommitStats {
    return {
      writes: this.#writes,
      jobs: this.#jobs,
      failures: this.#failures,
      queuedJobs: this.#queue.length,
      queuedBytes: this.#queuedBytes,
    }
  }

  submit(job: CommitJob): void {
    if (this.#closed) {
      job.fail(closedError())
      return
    }
    this.#queue.push(job)
    this.#queuedBytes += job.bytes
    this.#running ??= this.#run()
  }

  /** A job as a promise: resolves with what `settle` returns. */
  run<T>(job: {
    bytes: number
    prepare(operations: StorageOperation[]): void
    settle(): T
  }): Promise<T> {
    return new Promise((resolve, reject) => {
      this.submit({
        bytes: job.bytes,
        prepare: (operations) => {
          job.prepare(operations)
        },
        settle: () => {
          resolve(job.settle())
        },
        fail: reject,
      })
    })
  }

  /** Writes what was submitted, then refuses what comes. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #run(): Promise<void> {
    // The rest of this turn may submit more.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#writeGroup(this.#takeGroup())
    this.#running = null
  }

  #takeGroup(): CommitJob[] {
    const { groupBytesMax, groupJobsMax } = this.#limits
    let count = 0
    let bytes = 0
    while (count < this.#queue.length && count < groupJobsMax && bytes < groupBytesMax) {
      bytes += this.#queue[count]?.bytes ?? 0
      count++
    }
    this.#queuedBytes -= bytes
    return this.#queue.splice(0, count)
  }

  async #writeGroup(group: readonly CommitJob[]): Promise<void> {
    const prepared: CommitJob[] = []
    try {
      if (this.#suspect) await this.#recover()
      const operations: StorageOperation[] = []
      for (const job of group) {
        const before = operations.length
        try {
          job.prepare(operations)
          prepared.push(job)
        } catch (refusal) {
          assert(operations.length === before, 'a refused job has no operations')
          job.fail(refusal)
        }
      }
      if (operations.length > 0) {
        this.#suspect = true
        await this.#storage.write(operations)
        this.#suspect = false
        this.#writes++
      }
    } catch (failure) {
      this.#failures++
      const jobs = prepared.length > 0 ? prepared : group
      for (const job of jobs) job.fail(failure)
      return
    }
    this.#jobs += prepared.length
    for (const job of prepared) job.settle()
  }

  async #recover(): Promise<void> {
    await this.#storage.recover()
    await this.#reload()
    this.#suspect = false
  }
}

export function closedError(): TidemarkError {
  return new TidemarkError('INSTANCE_NOT_RUNNING', 'the log is closed')
}
