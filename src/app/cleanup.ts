/**
 * What has been opened, closed once: what was opened last first, or all at once. A step that fails or hangs does not
 * keep the rest from running: each has its time, after which it is left as it is.
 */
import { pause, type Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'

export interface CleanupStep {
  /** For whoever reads what was left as it is. */
  readonly name: string
  readonly close: () => Promise<void>
  /** Default: 3 s. Null where the step is bounded by itself. */
  readonly maxMs?: number | null
}

export interface CleanupOptions {
  readonly clock: Clock
  readonly order?: 'last-first' | 'together'
  /** A line for the operator. */
  readonly onOverdue?: (line: string) => void
}

const stepMaxMs = 3_000

export class Cleanup {
  readonly #options: CleanupOptions
  readonly #steps: CleanupStep[] = []
  #running: Promise<void> | null = null

  constructor(options: CleanupOptions) {
    this.#options = options
  }

  add(step: CleanupStep): void {
    this.#steps.push(step)
  }

  /** In its turn among these steps, steps that do not wait for each other. */
  together(): Cleanup {
    const group = new Cleanup({ ...this.#options, order: 'together' })
    this.add({ name: 'group', close: () => group.run(), maxMs: null })
    return group
  }

  /** @throws what a step has failed with; an AggregateError where several have, after all were run */
  run(): Promise<void> {
    this.#running ??= this.#runAll()
    return this.#running
  }

  async #runAll(): Promise<void> {
    const failures: unknown[] = []
    const close = async (step: CleanupStep) => {
      try {
        await this.#close(step)
      } catch (thrown) {
        failures.push(
          ...(thrown instanceof AggregateError ? (thrown.errors as unknown[]) : [thrown]),
        )
      }
    }
    const steps = this.#steps.toReversed()
    if (this.#options.order === 'together') await Promise.all(steps.map(close))
    else for (const step of steps) await close(step)
    if (failures.length === 1) throw failures[0]
    if (failures.length === 0) return
    throw new AggregateError(failures, `closing failed: ${failures.map(messageOf).join('; ')}`)
  }

  async #close({ name, close, maxMs = stepMaxMs }: CleanupStep): Promise<void> {
    if (maxMs === null) {
      await close()
      return
    }
    const { clock, onOverdue } = this.#options
    const done = new AbortController()
    const closing = close().then(() => true)
    const overdue = pause(clock, maxMs, done.signal).then(() => false)
    try {
      if (await Promise.race([closing, overdue])) return
    } finally {
      done.abort()
    }
    // What it still says is nobody's.
    closing.catch(() => {})
    onOverdue?.(`${name}: not closed within ${maxMs} ms, left as it is`)
  }
}
