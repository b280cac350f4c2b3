/**
 * The reads of one prefetch: all single keys of all stores go into one `readMany`, the scans run beside it
 * (law 6).
 */
import type { StateBackend, StateRead } from '../core/state.ts'

/** Scans that run at once; more would only queue in the backend and hold their buffers. */
const scansInFlightMax = 32

/** Takes the value that a read has brought; null where there is none. */
export interface ReadTarget {
  /** The plan that reads it, so that one plan reads it once. */
  plan: ReadPlan | null
  fill(framed: Buffer | null): void
  /** The read has failed. */
  abandon(): void
}

export class ReadPlan {
  readonly #reads: StateRead[] = []
  readonly #targets: ReadTarget[] = []
  readonly #scans: (() => Promise<void>)[] = []
  #joinCount = 0

  read(read: StateRead, target: ReadTarget): void {
    target.plan = this
    this.#reads.push(read)
    this.#targets.push(target)
  }

  /** A read that this plan holds already was asked for once more. */
  join(): void {
    this.#joinCount += 1
  }

  /** Grows with every request that memory does not answer. */
  get missCount(): number {
    return this.#reads.length + this.#scans.length + this.#joinCount
  }

  scan(run: () => Promise<void>): void {
    this.#scans.push(run)
  }

  /** Runs once. Rejects after every read has ended, so that no late answer fills what the caller has given up,
   * and after every scan was tried, because each keeps its key in memory until it has run. */
  async run(backend: StateBackend): Promise<void> {
    const work: Promise<void>[] = []
    if (this.#reads.length > 0) work.push(this.#readAll(backend))
    const scans = this.#scans.values()
    const lanes = Math.min(scansInFlightMax, this.#scans.length)
    for (let lane = 0; lane < lanes; lane += 1) work.push(runAll(scans))
    const outcomes = await Promise.allSettled(work)
    // Slots remember their plan; the plan must not hold what it has read.
    this.#reads.length = 0
    this.#targets.length = 0
    this.#scans.length = 0
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #readAll(backend: StateBackend): Promise<void> {
    let values: readonly (Buffer | null)[]
    try {
      values = await backend.readMany(this.#reads)
    } catch (thrown) {
      for (const target of this.#targets) target.abandon()
      throw thrown
    }
    for (let index = 0; index < this.#targets.length; index += 1) {
      this.#targets[index]?.fill(values[index] ?? null)
    }
  }
}

async function runAll(scans: Iterator<() => Promise<void>>): Promise<void> {
  const failures: unknown[] = []
  for (let next = scans.next(); next.done !== true; next = scans.next()) {
    try {
      await next.value()
    } catch (thrown) {
      failures.push(thrown)
    }
  }
  if (failures.length > 0) throw failures[0]
}
