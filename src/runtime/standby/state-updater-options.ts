/** What a state updater is told. */
import type { Clock } from '../../core/clock.ts'
import type { StateBackend } from '../../core/state.ts'
import type { Log } from '../../log/log.ts'
import type { Checkpoints } from '../checkpoints.ts'
import type { Codecs } from '../codecs.ts'
import type { KeptTask, StoreChangelog } from '../kept-task.ts'
import type { RuntimeLimits } from '../limits.ts'
import type { StateFrom } from './open-cursors.ts'

export interface StateUpdaterOptions {
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly limits: RuntimeLimits
  readonly tasks: ReadonlyMap<string, KeptTask>
  readonly checkpoints: Checkpoints
  readonly codecs: Codecs
  readonly deleteRetentionMsOf: (changelog: StoreChangelog) => Promise<number>
  readonly stateFrom?: StateFrom
  /** A standby or a warm-up has come within so many offsets of its changelogs' end. */
  readonly caughtUpLag: number
  readonly onCaughtUp: (taskId: string) => void
  readonly onFailure: (failure: unknown) => void
}
