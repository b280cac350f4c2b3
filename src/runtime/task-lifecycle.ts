/**
 * The life of a task, after apache/kafka `streams/.../processor/internals/Task.java`:
 *
 *               +---------+
 *         +---- | CREATED |
 *         |     +----+----+
 *         |          |
 *         |          v
 *         |     +----+------+
 *         +---- | RESTORING | <---+   reads its positions, its state's changelog and its broadcast topics
 *         |     +----+------+     |
 *         |          |            |
 *         |          v            |
 *         |     +----+----+       |
 *         |     | RUNNING |       |
 *         |     +----+----+       |
 *         |          |            |
 *         |          v            |
 *         |     +----+------+     |
 *         +---- | SUSPENDED | ----+   its last commit is over, or was given up: nothing is pending
 *         |     +-----------+
 *         v
 *     +---+----+
 *     | CLOSED |
 *     +--------+
 */
import { assert } from '../core/assert.ts'

export type TaskState = 'CREATED' | 'RESTORING' | 'RUNNING' | 'SUSPENDED' | 'CLOSED'

const legalTransitions: Readonly<Record<TaskState, readonly TaskState[]>> = {
  CREATED: ['RESTORING', 'CLOSED'],
  RESTORING: ['RUNNING', 'SUSPENDED', 'CLOSED'],
  RUNNING: ['SUSPENDED'],
  SUSPENDED: ['RESTORING', 'CLOSED'],
  CLOSED: [],
}

export class TaskLifecycle {
  readonly #taskId: string
  #state: TaskState = 'CREATED'

  constructor(taskId: string) {
    this.#taskId = taskId
  }

  get state(): TaskState {
    return this.#state
  }

  moveTo(next: TaskState): void {
    assert(
      legalTransitions[this.#state].includes(next),
      `task ${this.#taskId} goes from ${this.#state} to ${next}`,
    )
    this.#state = next
  }
}
