/** What a state updater is told. */
import type { Codecs } from '../codecs.ts'
import type { KeptTask } from '../kept-task.ts'
import type { RuntimeLimits } from '../limits.ts'
import type { OpenCursorsOptions } from './open-cursors.ts'

export interface StateUpdaterOptions extends OpenCursorsOptions {
  readonly limits: RuntimeLimits
  readonly tasks: ReadonlyMap<string, KeptTask>
  readonly codecs: Codecs
  /** A standby or a warm-up has come within so many offsets of its changelogs' end. */
  readonly caughtUpLag: number
  readonly onCaughtUp: (taskId: string) => void
  readonly onFailure: (failure: unknown) => void
}
