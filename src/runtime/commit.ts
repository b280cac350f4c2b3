/**
 * The commit of a task, in six steps (law 2):
 *
 *  1. finish the batch: punctuations that are due, `flush` of each processor, expiry;
 *  2. produce facts, repartition records and changelog;
 *  3. add the input offsets, with the group's generation;
 *  4. commit;
 *  5. write the state with its changelog offset, where it is not part of the transaction;
 *  6. only then take the next batch as done.
 *
 * On a log that shares its storage with the state, the state changes join the transaction in step 2 and step 5
 * has nothing left to do. A crash before 4 leaves nothing; one between 4 and 5 leaves a tail of the changelog
 * to be replayed.
 */
import type { Clock } from '../core/clock.ts'
import { pause } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type {
  GroupMetadata,
  PartitionOffset,
  PartitionRecords,
  Transaction,
  TransactionalProducer,
} from '../log/log.ts'
import type { StateChange } from '../core/state.ts'
import { mayCommitAgain } from './commit-membership.ts'
import type { RuntimeLimits } from './limits.ts'
import type { WaitingFor } from './runtime-status.ts'
import { isCommittedWithoutState } from './state-keeper.ts'
import type { StateKeeper } from './state-keeper.ts'

export type CommitStep = 1 | 2 | 3 | 4 | 5 | 6

/** Called after each step; a test crashes there. */
export type CommitStepHook = (step: CommitStep, taskId: string) => void

/** What one commit makes durable. */
export interface CommitContent {
  readonly outputs: readonly PartitionRecords[]
  /** The state changes as changelog records; on a log that shares state those of fact topics alone. */
  readonly changelog: readonly PartitionRecords[]
  /** With the names of the backend. */
  readonly state: readonly StateChange[]
  readonly offsets: readonly PartitionOffset[]
}

/** The task, as a commit sees it. */
export interface Committable {
  readonly id: string
  readonly group: GroupMetadata
  readonly producer: TransactionalProducer
  /** Null where the log shares its storage with the state. */
  readonly stateKeeper: StateKeeper | null
  finishBatch(): Promise<void>
  takeContent(): CommitContent
  batchIsDone(): void
  /** Named for the status: what the commit waits for. */
  waitingFor: WaitingFor | null
}

export interface CommitOptions {
  readonly clock: Clock
  readonly limits: RuntimeLimits
  readonly signal: AbortSignal
  readonly onCommitStep: CommitStepHook | null
}

/** @throws TidemarkError PRODUCER_FENCED | TRANSACTION_ABORTED | DISK_FULL, then nothing of it is durable;
 * RESTORE_FAILED: all of it is, but the state here */
export async function commit(task: Committable, options: CommitOptions): Promise<void> {
  const { onCommitStep } = options
  await task.finishBatch()
  onCommitStep?.(1, task.id)

  const content = task.takeContent()
  await transact(task, content, options)
  onCommitStep?.(5, task.id)

  task.batchIsDone()
  onCommitStep?.(6, task.id)
}

/** Steps 2 to 5. A full disk and a full queue are waited for: nothing was written, so the same content goes again. */
async function transact(
  task: Committable,
  content: CommitContent,
  options: CommitOptions,
): Promise<void> {
  const { clock, limits, signal } = options
  const startMs = clock.monotonicMs()
  try {
    for (;;) {
      const { group } = task
      const transaction = task.producer.begin()
      try {
        fill(transaction, task, group, content, options.onCommitStep)

        await commitAndWrite(transaction, task, content, options.onCommitStep)
        return
      } catch (thrown) {
        if (isCommittedWithoutState(thrown)) throw thrown

        await transaction.abort()
        if (mayCommitAgain(thrown, group, () => task.group)) continue
        const wait = waitAfter(thrown, limits)
        const waitedMs = clock.monotonicMs() - startMs
        if (wait === null || signal.aborted || waitedMs >= wait.maxMs) throw thrown
        task.waitingFor = wait.for

        await pause(clock, wait.backOffMs, signal)
      }
    }
  } finally {
    task.waitingFor = null
  }
}

async function commitAndWrite(
  transaction: Transaction,
  task: Committable,
  content: CommitContent,
  onCommitStep: CommitStepHook | null,
): Promise<void> {
  const onCommitted = () => onCommitStep?.(4, task.id)
  if (task.stateKeeper === null) {
    await transaction.commit()
    onCommitted()
    return
  }
  const changelogs = content.changelog.map(({ topic, records }, index) => ({
    topic,
    send: content.outputs.length + index,
    recordCount: records.length,
  }))
  const after = { taskId: task.id, changes: content.state, changelogs }
  await task.stateKeeper.commit(transaction, after, onCommitted)
}

function fill(
  transaction: Transaction,
  task: Committable,
  group: GroupMetadata,
  content: CommitContent,
  onCommitStep: CommitStepHook | null,
): void {
  for (const batch of content.outputs) transaction.send(batch)
  for (const batch of content.changelog) transaction.send(batch)
  if (task.stateKeeper === null && content.state.length > 0) transaction.writeState(content.state)
  onCommitStep?.(2, task.id)
  if (content.offsets.length > 0) transaction.sendOffsets(group, content.offsets)
  onCommitStep?.(3, task.id)
}

interface Wait {
  readonly for: WaitingFor
  readonly maxMs: number
  readonly backOffMs: number
}

/** Null unless nothing was taken: no room on the disk, or too much waits for Kafka already. */
function waitAfter(thrown: unknown, limits: RuntimeLimits): Wait | null {
  if (!(thrown instanceof TidemarkError)) return null
  switch (thrown.code) {
    case 'DISK_FULL':
      return {
        for: 'disk',
        maxMs: limits.diskFullWaitMaxMs,
        backOffMs: limits.diskFullBackOffMs,
      }
    case 'BACK_PRESSURE':
      return {
        for: 'kafka',
        maxMs: limits.backPressureWaitMaxMs,
        backOffMs: limits.backPressureBackOffMs,
      }
    default:
      return null
  }
}
