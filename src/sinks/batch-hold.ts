/** Whether the batches that a consumer holds are still to be written. */
import type { Clock } from '../core/clock.ts'

export class BatchHold {
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #givenUp = new AbortController()
  readonly #cut = new AbortController()

  /** @param graceMs what an attempt under way gets to end where it is waited for */
  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock
    this.#graceMs = graceMs
  }

  /** Once it is aborted, nothing is tried again. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal
  }

  /** Once it is aborted, what is under way ends. */
  get cut(): AbortSignal {
    return this.#cut.signal
  }

  giveUp(): void {
    this.#givenUp.abort()
  }

  /** Resolves with the work; a sink that hangs is cut when the grace is over. */
  async untilDone(work: Promise<void> | null): Promise<void> {
    const cancel = this.#clock.after(this.#graceMs, () => {
      this.#givenUp.abort()
      this.#cut.abort()
    })
    await work
    cancel()
  }
}
