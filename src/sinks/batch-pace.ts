/** When a batch leaves: how many rows it waits for, and how long. Slows down where a sink has too many small parts. */
import type { Clock } from '../core/clock.ts'
import type { FactBatches } from './fact-batches.ts'
import type { FactBuffer } from './fact-buffer.ts'

/** The longest that facts wait for others, however many parts wait to be merged. */
const lingerMaxMs = 30_000
/** What the first slowing down waits at least. */
const lingerSlowMs = 1_000
/** So many batches in a row without trouble make it faster again. */
const goodBatches = 5

export class BatchPace {
  readonly #batches: FactBatches
  readonly #clock: Clock
  #lingerMs: number
  #goodBatches = 0

  constructor(batches: FactBatches, clock: Clock) {
    this.#batches = batches
    this.#clock = clock
    this.#lingerMs = batches.ageMaxMs
  }

  isFull({ rows, bytes }: FactBuffer): boolean {
    return rows >= this.#batches.rowsMax || bytes >= this.#batches.bytesMax
  }

  /** Worth an insert of its own where none is under way. */
  isEnough({ rows }: FactBuffer): boolean {
    return !this.isSlowed && rows >= this.#batches.rowsMin
  }

  /** Offsets without rows are old at once. */
  isOld(buffer: FactBuffer): boolean {
    return !buffer.isEmpty && this.waitMs(buffer) === 0
  }

  /** How long the batch may still wait; 0 where it has no rows. */
  waitMs({ firstMs }: FactBuffer): number {
    return firstMs === null ? 0 : Math.max(0, firstMs + this.#lingerMs - this.#clock.monotonicMs())
  }

  get isSlowed(): boolean {
    return this.#lingerMs > this.#batches.ageMaxMs
  }

  /** Each insert is a part: fewer of them. */
  slowDown(): void {
    this.#goodBatches = 0
    this.#lingerMs = Math.min(Math.max(this.#lingerMs * 2, lingerSlowMs), lingerMaxMs)
  }

  succeeded(): void {
    this.#goodBatches += 1
    if (!this.isSlowed || this.#goodBatches < goodBatches) return
    this.#goodBatches = 0
    this.#lingerMs = Math.max(this.#batches.ageMaxMs, Math.floor(this.#lingerMs / 2))
  }
}
