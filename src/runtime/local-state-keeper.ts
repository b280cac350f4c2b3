/** The keeper of task state where the state is: in the thread that owns it. */
import { assert, present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { StateBackend } from '../core/state.ts'
import type { AppendResult, Transaction } from '../log/log.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { KeptTask } from './kept-task.ts'
import { writeStateAfterCommit } from './state-keeper.ts'
import type { RestoreStep, StateAfterCommit, StateKeeper } from './state-keeper.ts'
import type { StateUpdater } from './standby/state-updater.ts'

export interface LocalStateKeeperOptions {
  readonly state: StateBackend
  readonly clock: Clock
  readonly tasks: ReadonlyMap<string, KeptTask>
  readonly checkpoints: Checkpoints
  readonly updater: StateUpdater
}

export class LocalStateKeeper implements StateKeeper {
  readonly #options: LocalStateKeeperOptions

  constructor(options: LocalStateKeeperOptions) {
    this.#options = options
  }

  restore(taskId: string, signal: AbortSignal): Promise<RestoreStep> {
    return this.#options.updater.restore(taskId, signal)
  }

  async commit(
    transaction: Transaction,
    after: StateAfterCommit,
    onCommitted: () => void,
  ): Promise<readonly AppendResult[]> {
    const { tasks, updater } = this.#options
    const results = await transaction.commit()
    onCommitted()
    const task = present(tasks.get(after.taskId), `task ${after.taskId}`)
    assert(
      updater.isActive(after.taskId),
      `the state of ${after.taskId} has one writer: its commits`,
    )
    await writeStateAfterCommit(task, after, results, this.#options)
    return results
  }
}
