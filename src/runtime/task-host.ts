/** Where tasks run: in this thread, or in workers. */
import type { TaskStatus } from './runtime-status.ts'
import type { TaskPlan } from './task-plan.ts'

export interface TaskHost {
  /** Before the first task. */
  open(): Promise<void>
  start(plans: readonly TaskPlan[]): Promise<void>
  /** Commits and ends these tasks, all where none are named; resolves with their last word. */
  stop(ids?: readonly string[]): Promise<readonly TaskStatus[]>
  /** Ends these tasks without a commit: they are another's already. */
  drop(ids: readonly string[]): Promise<void>
  /** As of the last time that the tasks have told; `refresh` asks them. */
  status(): readonly TaskStatus[]
  refresh(): Promise<void>
  /** After the last task. */
  close(): Promise<void>
}
