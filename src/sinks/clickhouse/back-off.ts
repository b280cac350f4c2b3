/**
 * How long to wait before the next attempt: doubled with each failure in a row, and spread at random over the upper
 * half, so that instances which failed together do not come back together.
 */
export interface BackOffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** In [0, 1). */
  readonly random: () => number
}

export class BackOff {
  readonly #options: BackOffOptions
  #failures = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** Of another failure. @param floorMs where the failure is known to last so long at least */
  nextMs(floorMs = 0): number {
    const { firstMs, maxMs, random } = this.#options
    const grown = Math.max(floorMs, firstMs) * 2 ** Math.min(this.#failures, 30)
    this.#failures += 1
    const bound = Math.min(grown, Math.max(maxMs, floorMs))
    return Math.round((bound / 2) * (1 + random()))
  }

  succeeded(): void {
    this.#failures = 0
  }
}
