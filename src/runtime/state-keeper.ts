/**
 * Keeps the state of tasks on a log that does not share its storage with it: brings it up to its changelogs
 * before a task runs, and writes it after each commit. It is where the state is, in the main thread; workers
 * have it by requests.
 */
import { present } from '../core/assert.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { Offset, TopicName } from '../core/record.ts'
import type { StateBackend, StateChange } from '../core/state.ts'
import type { Clock } from '../core/clock.ts'
import type { AppendResult, Transaction } from '../log/log.ts'
import type { Checkpoints, Reached } from './checkpoints.ts'
import type { KeptTask } from './kept-task.ts'
import type { WaitingFor } from './runtime-status.ts'

export interface StateKeeper {
  /** Restores the task's state; answers after about a second at the latest: ask again until it is done. Ends at
   * once, not done, when the signal is raised.
   * @throws TidemarkError KAFKA_UNREACHABLE, and what else reading the changelogs throws */
  restore(taskId: string, signal: AbortSignal): Promise<RestoreStep>
  /**
   * Steps 4 and 5 of a commit. `onCommitted` is called between them.
   * @throws TidemarkError PRODUCER_FENCED | TRANSACTION_ABORTED | … as `Transaction.commit`, then nothing of it is
   * durable; RESTORE_FAILED where the transaction is committed and the state could not be written: it must be
   * restored before the task goes on
   */
  commit(
    transaction: Transaction,
    after: StateAfterCommit,
    onCommitted: () => void,
  ): Promise<readonly AppendResult[]>
}

export interface RestoreStep {
  readonly isDone: boolean
  /** Grows while the restoring gets on. */
  readonly progress: number
  /** A log that does not answer, or space on the disk; null where it waits for neither. */
  readonly waitingFor: WaitingFor | null
}

/** What is written once the transaction is committed. Plain data: it is sent to the main thread. */
export interface StateAfterCommit {
  readonly taskId: string
  /** With the names of the backend. */
  readonly changes: readonly StateChange[]
  readonly changelogs: readonly SentChangelog[]
}

export interface SentChangelog {
  readonly topic: TopicName
  /** Which of the transaction's sends it was. */
  readonly send: number
  readonly recordCount: number
}

export interface StateWriterOptions {
  readonly state: StateBackend
  readonly clock: Clock
  readonly checkpoints: Checkpoints
}

/** Step 5. @throws TidemarkError RESTORE_FAILED */
export async function writeStateAfterCommit(
  task: KeptTask,
  after: StateAfterCommit,
  results: readonly AppendResult[],
  { state, clock, checkpoints }: StateWriterOptions,
): Promise<void> {
  if (after.changes.length === 0) return
  const reached = new Map<TopicName, Reached>()
  for (const { topic, send, recordCount } of after.changelogs) {
    const { baseOffset } = present(results[send], `append result of ${topic}`)
    // A task runs once its state is restored.
    reached.set(topic, { offset: (baseOffset + recordCount) as Offset, isComplete: true })
  }
  const writtenMs = clock.nowMs()
  try {
    await state.write([...after.changes, ...checkpoints.changes(task, reached, writtenMs)])
  } catch (cause) {
    throw new TidemarkError(
      'RESTORE_FAILED',
      `task ${after.taskId}: its commit stands, but its state could not be written (${messageOf(cause)}); it is restored from the changelog`,
      { cause, details: { taskId: after.taskId } },
    )
  }
  checkpoints.written(task, reached, writtenMs)
}

/** True where the transaction stands and must not go again. */
export function isCommittedWithoutState(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.code === 'RESTORE_FAILED'
}

/** Asks the keeper until the task's state is restored, or the signal is raised. */
export async function restoreState(
  task: { readonly id: string; waitingFor: WaitingFor | null },
  keeper: StateKeeper,
  onProgress: () => void,
  signal: AbortSignal,
): Promise<void> {
  let lastProgress = -1
  while (!signal.aborted) {
    const { isDone, progress, waitingFor } = await keeper.restore(task.id, signal)
    task.waitingFor = waitingFor
    if (isDone) return
    if (progress !== lastProgress || waitingFor !== null) onProgress()
    lastProgress = progress
  }
}
