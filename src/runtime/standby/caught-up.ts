/** Which standbys and warm-ups have come near the ends of their changelogs; tells of each when it does. */

export class CaughtUp {
  readonly #lagMax: number
  readonly #onCaughtUp: (taskId: string) => void
  readonly #ids = new Set<string>()

  constructor(lagMax: number, onCaughtUp: (taskId: string) => void) {
    this.#lagMax = lagMax
    this.#onCaughtUp = onCaughtUp
  }

  has(taskId: string): boolean {
    return this.#ids.has(taskId)
  }

  /** @param lag null where it is not known now */
  note(taskId: string, lag: number | null): void {
    if (lag === null) return
    if (lag > this.#lagMax) {
      this.#ids.delete(taskId)
    } else if (!this.#ids.has(taskId)) {
      this.#ids.add(taskId)
      this.#onCaughtUp(taskId)
    }
  }

  retain(taskIds: ReadonlySet<string>): void {
    for (const id of this.#ids) if (!taskIds.has(id)) this.#ids.delete(id)
  }
}
