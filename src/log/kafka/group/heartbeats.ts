/**
 * Keeps a membership alive, and knows when it is over. Heartbeats go on whatever the member does: while it waits for
 * others to join, and while its callbacks run.
 *
 * The session is counted here as well, from when the last answered request was sent, so it ends here no later than
 * at the coordinator: a process that was stopped for longer finds out before it has asked anyone.
 */
import type { Clock } from '../../../core/clock.ts'

export interface HeartbeatsOptions {
  readonly clock: Clock
  readonly intervalMs: number
  readonly sessionTimeoutMs: number
  /** Resolves when the coordinator has answered that it knows the member. */
  readonly send: () => Promise<void>
  /** What `send` threw; heartbeats go on unless `stop` is called. */
  readonly onFailure: (failure: unknown) => void
  readonly onExpired: () => void
}

export class Heartbeats {
  readonly #options: HeartbeatsOptions
  #cancelNext: (() => void) | null = null
  #cancelExpiry: (() => void) | null = null
  /** Counts the starts: an answer to a heartbeat of an earlier one means nothing. */
  #run = 0

  constructor(options: HeartbeatsOptions) {
    this.#options = options
  }

  /** Anew, at the beginning of a membership or of a generation of it, whose request was sent at `heardMs`. */
  start(heardMs: number): void {
    this.stop()
    this.#heard(heardMs)
    this.#schedule()
  }

  stop(): void {
    this.#run++
    this.#cancelNext?.()
    this.#cancelExpiry?.()
    this.#cancelNext = null
    this.#cancelExpiry = null
  }

  #heard(sentMs: number): void {
    const { clock, sessionTimeoutMs, onExpired } = this.#options
    this.#cancelExpiry?.()
    const leftMs = Math.max(0, sentMs + sessionTimeoutMs - clock.monotonicMs())
    this.#cancelExpiry = clock.after(leftMs, () => {
      this.stop()
      onExpired()
    })
  }

  #schedule(): void {
    this.#cancelNext = this.#options.clock.after(this.#options.intervalMs, () => {
      void this.#beat()
    })
  }

  async #beat(): Promise<void> {
    const run = this.#run
    const sentMs = this.#options.clock.monotonicMs()
    try {
      await this.#options.send()
      if (run === this.#run) this.#heard(sentMs)
    } catch (failure) {
      if (run === this.#run) this.#options.onFailure(failure)
    }
    if (run === this.#run) this.#schedule()
  }
}
