/** Wakes those who wait for a consumer to get on. */
import { pause, type Clock } from '../core/clock.ts'

export class Progress {
  readonly #clock: Clock
  readonly #waitMaxMs: number
  #waiting: (() => void)[] = []

  constructor(clock: Clock, waitMaxMs: number) {
    this.#clock = clock
    this.#waitMaxMs = waitMaxMs
  }

  /** Of this member, or, after a while, perhaps of another. */
  async next(): Promise<void> {
    const over = new AbortController()
    this.#waiting.push(() => {
      over.abort()
    })
    await pause(this.#clock, this.#waitMaxMs, over.signal)
  }

  made(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
