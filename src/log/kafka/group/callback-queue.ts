/** The member's callbacks, one after the other, while the protocol goes on. After one has failed none is called. */
export class CallbackQueue {
  readonly #onFailure: (failure: unknown) => void
  #last: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(onFailure: (failure: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Resolves when it is over, whether it succeeded or not. */
  add(call: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#hasFailed) return
      try {
        await call()
      } catch (failure) {
        this.#hasFailed = true
        this.#onFailure(failure)
      }
    })
    return this.#last
  }

  /** Resolves when all that was added is over. */
  idle(): Promise<void> {
    return this.#last
  }
}
