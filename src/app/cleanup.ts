/** What has been opened, closed in the opposite order, once. A failing step does not keep the rest from running. */
export class Cleanup {
  readonly #steps: (() => Promise<void>)[] = []
  #running: Promise<void> | null = null

  add(step: () => Promise<void>): void {
    this.#steps.push(step)
  }

  /** @throws AggregateError of the steps that failed, after all have run */
  run(): Promise<void> {
    this.#running ??= this.#runAll()
    return this.#running
  }

  async #runAll(): Promise<void> {
    const failures: unknown[] = []
    for (const step of this.#steps.reverse()) {
      try {
        await step()
      } catch (thrown) {
        failures.push(thrown)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'closing failed')
  }
}
