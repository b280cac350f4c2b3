/** Every bound of the runtime, by name (law 5), and its default. */
import { TidemarkError } from '../core/errors.ts'

export interface RuntimeLimits {
  /** Records that a task processes between two commits, at most. */
  readonly batchRecordsMax: number
  /** Records that a task processes before the other tasks of its thread have their turn, at most. */
  readonly turnRecordsMax: number
  /** Bytes that a task's batch has to write and that its processors hold back until its commit, about. Beyond it the batch is
   * committed. */
  readonly uncommittedBytesMax: number
  /** Bytes that one fetch of a task brings, about. */
  readonly batchBytesMax: number
  /** Bytes that the fetches of all tasks of a thread bring at a time, about; each task has the same share. */
  readonly threadFetchBytesMax: number
  /** Records of one partition that wait decoded in a task; beyond it the partition is not fetched. */
  readonly bufferedRecordsMax: number
  /** A record waits at most so long for the commit after the one before it; 0 commits whenever input runs out. */
  readonly commitIntervalMs: number
  /** How long an empty partition may hold back the others of its task (Kafka's `max.task.idle.ms`). */
  readonly taskIdleMs: number
  /** Inputs quiet for so long: stream time goes on with the wall clock, so that windows close on a quiet
   * topic too (law 7). Events that come more than this and the grace of their window after they happened, to a topic
   * that was quiet until then, are late. Null keeps stream time where the last record has put it. */
  readonly idleAdvanceAfterMs: number | null
  /** One fetch waits so long where there is nothing new. */
  readonly fetchWaitMaxMs: number
  /** Expired entries that one commit deletes, at most. */
  readonly expireEntriesMax: number
  /** Restarts of a task since its last successful commit, before it fails. */
  readonly taskRestartsMax: number
  readonly taskRestartBackOffMs: number
  /** How long a commit may wait for space on the disk before its task fails. */
  readonly diskFullWaitMaxMs: number
  readonly diskFullBackOffMs: number
  /** A commit that was tried again within so long waits for Kafka, and does not hang. Longer than one request. */
  readonly commitRetryMaxMs: number
  /** How long a commit may wait for Kafka, however often it is tried again, before it is an error. */
  readonly commitWaitMaxMs: number
  /** How long a commit may wait while too many others wait for Kafka, before its task is started again. */
  readonly backPressureWaitMaxMs: number
  readonly backPressureBackOffMs: number
  /** Bytes of changelogs that one fetch brings, about. */
  readonly restoreBytesMax: number
  /** Changelog partitions in one fetch, at most; more take turns. */
  readonly restorePartitionsMax: number
  /** How often it is looked up whether source topics were given more partitions, and changelogs made anew. */
  readonly topicsIntervalMs: number
  /** How often a task that is restored tells how far it is. */
  readonly restoreReportMs: number
  /** The pause before a log that did not answer is asked again. */
  readonly unreachableBackOffMs: number
  /** State of a task that neither runs nor has its standby here is deleted after so long (Kafka Streams'
   * `state.cleanup.delay.ms`). What counts is the time in which this instance is a member of the group and an assignment
   * says that the task is another's. */
  readonly stateCleanupDelayMs: number
  /** A named await of a task that takes longer than this is an error, not a hang. */
  readonly stallMaxMs: number
  /** A graceful stop takes at most so long; then what is under way is given up, to be done after the next start. */
  readonly stopMaxMs: number
  /** Partitions of a topic that says nothing else. */
  readonly defaultPartitionCount: number
}

export const defaultLimits: RuntimeLimits = {
  batchRecordsMax: 10_000,
  turnRecordsMax: 2000,
  uncommittedBytesMax: 32 * 1024 * 1024,
  batchBytesMax: 4 * 1024 * 1024,
  threadFetchBytesMax: 16 * 1024 * 1024,
  bufferedRecordsMax: 4000,
  commitIntervalMs: 50,
  taskIdleMs: 0,
  idleAdvanceAfterMs: 30_000,
  fetchWaitMaxMs: 500,
  expireEntriesMax: 1000,
  taskRestartsMax: 5,
  taskRestartBackOffMs: 100,
  diskFullWaitMaxMs: 10 * 60 * 1000,
  diskFullBackOffMs: 1000,
  commitRetryMaxMs: 60_000,
  commitWaitMaxMs: 10 * 60_000,
  backPressureWaitMaxMs: 2 * 60_000,
  backPressureBackOffMs: 50,
  restoreBytesMax: 8 * 1024 * 1024,
  restorePartitionsMax: 256,
  topicsIntervalMs: 10_000,
  restoreReportMs: 1000,
  unreachableBackOffMs: 250,
  stateCleanupDelayMs: 10 * 60 * 1000,
  stallMaxMs: 60_000,
  stopMaxMs: 8000,
  defaultPartitionCount: 4,
}

/** @throws TidemarkError CONFIGURATION_INVALID */
export function runtimeLimits(given: Partial<RuntimeLimits>): RuntimeLimits {
  const limits = { ...defaultLimits, ...given }
  for (const [name, value] of Object.entries<number | null>({ ...limits })) {
    const least = name.endsWith('Ms') || name === 'taskRestartsMax' ? 0 : 1
    if (value !== null && !(value >= least)) {
      throw new TidemarkError(
        'CONFIGURATION_INVALID',
        `${name} is ${value}: use ${least} or more`,
        {
          details: { name, value },
        },
      )
    }
  }
  return limits
}
