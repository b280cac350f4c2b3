/** Since when no broker at all has answered. One that answers is enough: the others' partitions are waited for. */
import type { Clock } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import type { LogOutage } from '../../log.ts'

export class Reachability {
  readonly #clock: Clock
  #outage: LogOutage | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get outage(): LogOutage | null {
    return this.#outage
  }

  /** An error is an answer too. */
  noteAnswer(): void {
    this.#outage = null
  }

  /** All were asked, and none has answered. */
  noteSilence(failure: unknown): void {
    const sinceMs = this.#outage?.sinceMs ?? this.#clock.nowMs()
    this.#outage = { sinceMs, reason: messageOf(failure) }
  }
}
