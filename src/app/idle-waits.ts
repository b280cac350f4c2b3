/** The waits of those who want to know when all is idle: each ends with its time, and leaves nothing behind. */
import { pause, type Clock } from '../core/clock.ts'

export interface IdleWaitsOptions {
  readonly clock: Clock
  /** Resolves when all is idle, or once the signal is raised. */
  readonly settle: (signal: AbortSignal) => Promise<void>
  /** Lives as long as the instance: whoever waits must not hang on it by a reaction of its own. */
  readonly failed: Promise<never>
}

export class IdleWaits {
  readonly #clock: Clock
  readonly #settle: IdleWaitsOptions['settle']
  readonly #waiting = new Set<(cause: unknown) => void>()
  #failure: { readonly cause: unknown } | null = null

  constructor({ clock, settle, failed }: IdleWaitsOptions) {
    this.#clock = clock
    this.#settle = settle
    failed.catch((cause: unknown) => {
      this.#failure = { cause }
      for (const end of this.#waiting) end(cause)
    })
  }

  /** False where it is not within the time. @throws what the instance fails with */
  async whenIdle(timeoutMs: number): Promise<boolean> {
    if (this.#failure !== null) throw this.#failure.cause
    const over = new AbortController()
    const { signal } = over
    const failure = Promise.withResolvers<never>()
    const end = (cause: unknown) => {
      failure.reject(cause)
    }
    this.#waiting.add(end)
    try {
      return await Promise.race([
        this.#settle(signal).then(() => true),
        failure.promise,
        pause(this.#clock, timeoutMs, signal).then(() => false),
      ])
    } finally {
      over.abort()
      this.#waiting.delete(end)
    }
  }
}
