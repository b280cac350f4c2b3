/** Runs the tasks in this thread. */
import { StreamThread } from './stream-thread.ts'
import type { StreamThreadOptions } from './stream-thread.ts'
import type { TaskHost } from './task-host.ts'
import type { TaskStatus } from './runtime-status.ts'
import type { TaskPlan } from './task-plan.ts'

export class ThreadHost implements TaskHost {
  readonly #thread: StreamThread

  constructor(options: StreamThreadOptions) {
    this.#thread = new StreamThread(options)
  }

  open(): Promise<void> {
    return this.#thread.open()
  }

  start(plans: readonly TaskPlan[]): Promise<void> {
    this.#thread.start(plans)
    return Promise.resolve()
  }

  stop(ids?: readonly string[]): Promise<readonly TaskStatus[]> {
    return this.#thread.stop(ids)
  }

  async drop(ids: readonly string[]): Promise<void> {
    await this.#thread.drop(ids)
  }

  status(): readonly TaskStatus[] {
    return this.#thread.status()
  }

  refresh(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
