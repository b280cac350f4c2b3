/** What a loop sleeps on: woken by whoever brings work, or by the clock. A wake before the sleep is kept. */
import type { Clock } from '../core/clock.ts'

export class WakeUp {
  readonly #clock: Clock
  #isWoken = false
  #wakeSleeper: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#isWoken = true
    this.#wakeSleeper?.()
  }

  /** Null sleeps until it is woken. */
  async sleep(maxMs: number | null): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const cancel = maxMs === null ? null : this.#clock.after(Math.max(0, maxMs), resolve)
        this.#wakeSleeper = () => {
          cancel?.()
          resolve()
        }
      })
      this.#wakeSleeper = null
    }
    this.#isWoken = false
  }
}
