/** What has happened to a member while its loop was busy or asleep: the loop looks at it between two steps, and is
 * woken or interrupted where it waits. */

export interface Loss {
  /** The coordinator may know the member still. */
  readonly keepsMemberId: boolean
}

export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export class Signals {
  /** A join is under way, which will bring the next generation. */
  isJoining = false
  #rejoinReason: string | null = 'the member is new'
  #loss: Loss | null = null
  #failure: unknown = null
  #hasEnded = false
  #interruption = new AbortController()
  #wake: (() => void) | null = null

  get loss(): Loss | null {
    return this.#loss
  }

  get failure(): unknown {
    return this.#failure
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Aborted where it makes no sense any more to wait for the coordinator. */
  get interruption(): AbortSignal {
    return this.#interruption.signal
  }

  requestRejoin(reason: string): void {
    this.#rejoinReason ??= reason
    this.#wake?.()
  }

  /** Why to join; what is asked for from now on asks for the join after this. */
  takeRejoin(): string {
    const reason = this.#rejoinReason ?? 'the last attempt failed'
    this.#rejoinReason = null
    return reason
  }

  lose(loss: Loss): void {
    if (this.#loss?.keepsMemberId !== false) this.#loss = loss
    this.#interrupt()
  }

  takeLoss(): Loss | null {
    const loss = this.#loss
    this.#loss = null
    if (!this.#hasEnded && this.#failure === null) this.#interruption = new AbortController()
    return loss
  }

  fail(failure: unknown): void {
    this.#failure ??= failure
    this.#interrupt()
  }

  end(): void {
    this.#hasEnded = true
    this.#interrupt()
  }

  /** Resolves when there is something to do. */
  async next(): Promise<void> {
    if (this.#rejoinReason !== null || this.#interruption.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = null
  }

  /** @throws Interrupted where the membership is over, for now or for good */
  check(): void {
    if (this.#interruption.signal.aborted) throw new Interrupted('the membership is over')
  }

  #interrupt(): void {
    this.#interruption.abort(new Interrupted('the membership is over'))
    this.#wake?.()
  }
}
