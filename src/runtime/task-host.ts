/** Where tasks run: in this thread, or in workers. */
import type { TaskStatus } from './runtime-status.ts'
import type { TaskPlan } from './task-plan.ts'

export interface TaskHost {
  /** Before the first task. */
  open(): Promise<void>
  start(plans: readonly TaskPlan[]): Promise<void>
  /** Commits and ends these tasks; all where none are named. */
  stop(ids?: readonly string[]): Promise<void>
  status(): readonly TaskStatus[]
  /** After the last task. */
  close(): Promise<void>
}
