/** Wakes those who wait for a consumer to get on. */
import { pause, type Clock } from '../core/clock.ts'

export class Progress {
  readonly #clock: Clock
  readonly #waitMaxMs: number
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock, waitMaxMs: number) {
    this.#clock = clock
    this.#waitMaxMs = waitMaxMs
  }

  /** Of this member, or, after a while, perhaps of another. */
  async next(signal?: AbortSignal): Promise<void> {
    const over = new AbortController()
    const wake = () => {
      over.abort()
    }
    this.#waiting.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    try {
      if (signal?.aborted !== true) await pause(this.#clock, this.#waitMaxMs, over.signal)
    } finally {
      this.#waiting.delete(wake)
      signal?.removeEventListener('abort', wake)
    }
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#waiting.size
  }

  made(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}
