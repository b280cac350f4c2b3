/**
 * What becomes of one task's local state, and who writes it:
 *
 *     idle ──▶ standby ──▶ restoring ──▶ active
 *      │  ◀─────┘            ▲  │          │
 *      └─────────────────────┘  │          │
 *     idle or standby ◀─────────┴──────────┘   the task was given up: another runs it
 *
 * idle: kept, read by nobody. standby: the updater reads the changelogs into it, continuously. restoring: up to
 * where they ended when that began. active: the task's commits write it. One writer in each (invariant).
 */
import { assert } from '../../core/assert.ts'
import type { KeptTask } from '../kept-task.ts'
import type { RestoreStatus, WaitingFor } from '../runtime-status.ts'
import type { ChangelogCursor } from './changelog-cursor.ts'
import { waitedForBy } from './passing.ts'

export type StateMode = 'idle' | 'standby' | 'restoring' | 'active'

const legalTransitions: Readonly<Record<StateMode, readonly StateMode[]>> = {
  idle: ['standby', 'restoring'],
  standby: ['idle', 'restoring'],
  restoring: ['active', 'idle', 'standby', 'restoring'],
  // A task that failed restores again.
  active: ['restoring', 'idle', 'standby'],
}

export class TaskState {
  readonly task: KeptTask
  /** Null until they are open, and while nothing is read. */
  cursors: readonly ChangelogCursor[] | null = null
  isOpening = false
  /** Restoring waits for this. */
  failure: unknown = null
  /** What was read could not be written, and is read again: what has to come back for it. */
  waitingFor: WaitingFor | null = null
  /** Since when it is known that the task is another's: an assignment has said so while it is idle here, and this
   * instance has been a member of the group ever since. Null where it is not known. */
  elsewhereSinceMs: number | null = null
  /** When the updater wrote it last, as `Clock.nowMs`. */
  lastAppliedMs: number | null = null
  /** How it was brought up when the task was started here last. */
  restored: readonly RestoreStatus[] = []
  #mode: StateMode = 'idle'

  constructor(task: KeptTask) {
    this.task = task
  }

  get mode(): StateMode {
    return this.#mode
  }

  /** True where the updater reads the task's changelogs. */
  get isRead(): boolean {
    return this.#mode === 'standby' || this.#mode === 'restoring'
  }

  get isRestored(): boolean {
    return this.cursors?.every(({ lag }) => lag === 0) ?? false
  }

  get lag(): number | null {
    if (this.cursors === null) return null
    return this.cursors.reduce((sum, { lag }) => sum + lag, 0)
  }

  /** Until it is read to the end at the pace so far; null where that is not known. */
  get remainingMs(): number | null {
    const times = (this.cursors ?? [])
      .filter(({ lag }) => lag > 0)
      .map((cursor) => cursor.status().remainingMs)
    if (times.length === 0 || times.includes(null)) return null
    return Math.max(...times.map(Number))
  }

  noteApplied(atMs: number): void {
    this.lastAppliedMs = atMs
    this.waitingFor = null
  }

  moveTo(next: StateMode): void {
    const { id } = this.task.plan
    assert(
      legalTransitions[this.#mode].includes(next),
      `state of task ${id} goes from ${this.#mode} to ${next}`,
    )
    if (next === 'active') this.restored = (this.cursors ?? []).map((cursor) => cursor.status())
    this.#mode = next
    this.elsewhereSinceMs = null
    this.failure = null
    this.waitingFor = null
    if (!this.isRead) this.cursors = null
  }
}

/** These could not be read or written. True where it is the log that does not answer. */
export function noteWait(states: Iterable<TaskState>, thrown: unknown): boolean {
  const waitingFor = waitedForBy(thrown)
  for (const state of states) state.waitingFor = waitingFor
  return waitingFor === 'kafka'
}
