/**
 * Holds back those who bring more than can be processed meanwhile, so that live events do not wait behind hours of
 * history: a batch goes in once what waits before it takes no longer than `delayMaxMs`. It slows an import, and never
 * ends it: a batch that has waited for `heldMsMax` goes in whatever waits, and so does one of which nothing is known.
 */
import { pause, type Clock } from '../core/clock.ts'

export interface BulkPaceOptions {
  readonly clock: Clock
  /** 0 holds nothing back. */
  readonly delayMaxMs: number
  /** How long a record that comes in now waits until its facts can be queried, milliseconds; null is unknown. */
  readonly delayOf: (topic: string) => Promise<number | null>
}

/** How often it is looked whether the batch may go. */
const lookEveryMs = 50
/** How long one batch is held back at most: nothing may be processed at all while a disk is full or a server away. */
const heldMsMax = 5_000

export class BulkPace {
  readonly #options: BulkPaceOptions
  readonly #ended = new AbortController()

  constructor(options: BulkPaceOptions) {
    this.#options = options
  }

  /** Resolves when the next batch of the topic may go in; never rejects. */
  async wait(topic: string): Promise<void> {
    const { clock, delayMaxMs, delayOf } = this.#options
    if (delayMaxMs === 0) return
    const untilMs = clock.monotonicMs() + heldMsMax
    while (!this.#ended.signal.aborted) {
      const delayMs = await delayOf(topic).catch(() => null)
      if (delayMs === null || delayMs <= delayMaxMs || clock.monotonicMs() >= untilMs) return
      await pause(clock, lookEveryMs, this.#ended.signal)
    }
  }

  /** Lets everybody go, now and from now on. */
  async end(): Promise<void> {
    this.#ended.abort()
  }
}
