/** When something was last tried again: who waits tells by it a cluster that is away from one that hangs. */
import type { Clock } from '../../../core/clock.ts'

export class LastRetry {
  readonly #clock: Clock
  #atMs: number | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As `Clock.nowMs`; null before the first. */
  get atMs(): number | null {
    return this.#atMs
  }

  readonly note = (): void => {
    this.#atMs = this.#clock.nowMs()
  }
}
