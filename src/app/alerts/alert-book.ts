/**
 * Which conditions hold, and which of them are to be told: each once when it begins, again while it lasts, and once
 * when it is over. Looks come often; messages do not.
 *
 * Invariants:
 *  1. Only what was told as begun is told as over.
 *  2. What begins or ends within `groupWaitMs` of the first of it goes into one message.
 *  3. What lasts is told again `repeatIntervalMs` after it was last told.
 */
import { alertKey, type Alert, type AlertCondition } from './alert.ts'
import type { AlertPace } from './alerts-configuration.ts'

/** A condition that holds. */
export interface HeldAlert extends AlertCondition {
  /** When it was first seen. */
  readonly startsAtMs: number
  /** Null until it was told. */
  readonly toldAtMs: number | null
}

export class AlertBook {
  readonly #pace: AlertPace
  readonly #held = new Map<string, HeldAlert>()
  /** Told as begun, and over since. */
  readonly #over = new Map<string, HeldAlert & { readonly endsAtMs: number }>()
  /** When the first of what is to be told became so. */
  #newsAtMs: number | null = null

  /** @param held of the process before this one: it is not told anew, and needs not last anew */
  constructor(pace: AlertPace, held: readonly HeldAlert[] = []) {
    this.#pace = pace
    for (const alert of held) this.#held.set(alertKey(alert), alert)
  }

  /** @param conditions all that hold now */
  look(conditions: readonly AlertCondition[], nowMs: number): void {
    const seen = new Set<string>()
    for (const condition of conditions) {
      const key = alertKey(condition)
      seen.add(key)
      // One that ended and begins again before that was told has lasted, as far as anybody knows.
      const { startsAtMs = nowMs, toldAtMs = null } =
        this.#held.get(key) ?? this.#over.get(key) ?? {}
      this.#over.delete(key)
      this.#held.set(key, { ...condition, startsAtMs, toldAtMs })
    }
    for (const [key, alert] of this.#held) {
      if (seen.has(key)) continue
      this.#held.delete(key)
      if (alert.toldAtMs !== null) this.#over.set(key, { ...alert, endsAtMs: nowMs })
    }
    if (!this.#hasNews(nowMs)) this.#newsAtMs = null
    else this.#newsAtMs ??= nowMs
  }

  /** Whoever tells it from now on, it is not this book: neither that it lasts nor that it is over. */
  forget(key: string): void {
    this.#held.delete(key)
    this.#over.delete(key)
  }

  /** What is to be told now, which from then on is told; empty where nothing is.
   * @param atOnce waits for nothing that may still come */
  take(nowMs: number, atOnce = false): readonly Alert[] {
    const isGrouped = this.#newsAtMs !== null && nowMs - this.#newsAtMs >= this.#pace.groupWaitMs
    const takesNews = isGrouped || (atOnce && this.#hasNews(nowMs))
    const told: Alert[] = []
    for (const [key, alert] of this.#held) {
      if (!this.#isDue(alert, nowMs, takesNews)) continue
      told.push({ ...alert, endsAtMs: null })
      this.#held.set(key, { ...alert, toldAtMs: nowMs })
    }
    if (takesNews) {
      told.push(...this.#over.values())
      this.#over.clear()
      this.#newsAtMs = null
    }
    return told
  }

  /** What is an alert now. */
  firing(nowMs: number): readonly HeldAlert[] {
    return [...this.#held.values()].filter((alert) => this.#isAlert(alert, nowMs))
  }

  #isAlert({ startsAtMs, toldAtMs, forMs }: HeldAlert, nowMs: number): boolean {
    return toldAtMs !== null || nowMs - startsAtMs >= forMs
  }

  #isDue(alert: HeldAlert, nowMs: number, takesNews: boolean): boolean {
    if (alert.toldAtMs !== null) return nowMs - alert.toldAtMs >= this.#pace.repeatIntervalMs
    return takesNews && this.#isAlert(alert, nowMs)
  }

  #hasNews(nowMs: number): boolean {
    if (this.#over.size > 0) return true
    return this.firing(nowMs).some(({ toldAtMs }) => toldAtMs === null)
  }
}
