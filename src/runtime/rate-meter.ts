/** Records a second over the last seconds, from counts that are looked at now and then. */
import type { Clock } from '../core/clock.ts'

const windowMs = 5000
const samplesMax = 64

export class RateMeter {
  readonly #clock: Clock
  readonly #samples: { readonly atMs: number; readonly count: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#samples.push({ atMs: clock.monotonicMs(), count: 0 })
  }

  /** Takes the count as of now. */
  perSecond(count: number): number {
    const atMs = this.#clock.monotonicMs()
    // The oldest that is kept is the last one before the window.
    while (
      this.#samples.length > samplesMax ||
      (this.#samples[1]?.atMs ?? Infinity) <= atMs - windowMs
    ) {
      this.#samples.shift()
    }
    const [oldest] = this.#samples
    this.#samples.push({ atMs, count })
    if (oldest === undefined || atMs <= oldest.atMs) return 0
    return ((count - oldest.count) * 1000) / (atMs - oldest.atMs)
  }
}
