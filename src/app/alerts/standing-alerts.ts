/** Conditions that hold from one event to another: a job that failed has failed until it succeeds. */
import { alertKey, type AlertCondition } from './alert.ts'

export class StandingAlerts {
  readonly #conditions = new Map<string, AlertCondition>()
  readonly #handedOver: string[] = []

  /** @param held of the process before this one */
  constructor(held: readonly AlertCondition[] = []) {
    for (const condition of held) this.raise(condition)
  }

  raise(condition: AlertCondition): void {
    this.#conditions.set(alertKey(condition), condition)
  }

  clear(which: Pick<AlertCondition, 'name' | 'labels'>): void {
    this.#conditions.delete(alertKey(which))
  }

  /** Another instance tells it from now on, if it still holds: nothing is over. */
  handOver(which: Pick<AlertCondition, 'name' | 'labels'>): void {
    if (this.#conditions.delete(alertKey(which))) this.#handedOver.push(alertKey(which))
  }

  /** The keys of what was handed over since the last call. */
  takeHandedOver(): readonly string[] {
    return this.#handedOver.splice(0)
  }

  all(): readonly AlertCondition[] {
    return [...this.#conditions.values()]
  }
}
