/** All that keeps state on a log that does not share its storage with it, in the thread that owns the state. */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { TopicName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import type { TaskStateReport } from './assignment/subscription-user-data.ts'
import { Checkpoints } from './checkpoints.ts'
import type { Codecs } from './codecs.ts'
import { deleteEarlierCheckpoints } from './earlier-checkpoints.ts'
import { keptTasks } from './kept-task.ts'
import type { KeptTask, StoreChangelog } from './kept-task.ts'
import type { RuntimeLimits } from './limits.ts'
import { LocalStateKeeper } from './local-state-keeper.ts'
import type { WipedStore } from './runtime-status.ts'
import type { StateFrom } from './standby/open-cursors.ts'
import { RemadeChangelogs } from './standby/remade-changelogs.ts'
import { StateUpdater } from './standby/state-updater.ts'
import type { StateKeeper } from './state-keeper.ts'
import type { CompiledTopology } from './task-plan.ts'

export interface LocalStateOptions {
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly limits: RuntimeLimits
  readonly codecs: Codecs
  readonly topologies: ReadonlyMap<string, CompiledTopology>
  /** A standby that lacks no more offsets than this has caught up. */
  readonly caughtUpLag: number
  readonly stateFrom?: StateFrom
  readonly onCaughtUp: (taskId: string) => void
  readonly onFailure: (failure: unknown) => void
  readonly onStoreWiped?: (wiped: WipedStore) => void
}

/** Kafka's default of `delete.retention.ms`: for a log that cannot be asked. */
const deleteRetentionMsDefault = 24 * 60 * 60 * 1000
const cleanupIntervalMsMax = 60_000

export class LocalState {
  readonly tasks: ReadonlyMap<string, KeptTask>
  readonly checkpoints: Checkpoints
  readonly updater: StateUpdater
  readonly keeper: StateKeeper
  readonly #options: LocalStateOptions
  readonly #remade: RemadeChangelogs
  #cancelCleanup: (() => void) | null = null
  #cleaning: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: LocalStateOptions) {
    this.#options = options
    const { state, clock, topologies, limits, onStoreWiped, onFailure } = options
    this.tasks = keptTasks(topologies.values(), limits.defaultPartitionCount)
    this.checkpoints = new Checkpoints(state)
    const { tasks, checkpoints } = this
    const deleteRetentionMsOf = (changelog: StoreChangelog) =>
      deleteRetentionMs(options.log, changelog)
    const topicIdsOf = (topics: readonly TopicName[]) => topicIds(options.log, topics)
    this.updater = new StateUpdater({
      ...options,
      tasks,
      checkpoints,
      deleteRetentionMsOf,
      topicIdsOf,
      ...(onStoreWiped === undefined ? {} : { onWiped: onStoreWiped }),
    })
    this.keeper = new LocalStateKeeper({
      state,
      clock,
      tasks,
      checkpoints,
      updater: this.updater,
    })
    const intervalMs = limits.topicsIntervalMs
    const watched = { clock, intervalMs, tasks, checkpoints, updater: this.updater, onFailure }
    this.#remade = new RemadeChangelogs({ ...watched, topicIdsOf })
  }

  /** After the changelog topics are there. */
  async open(): Promise<void> {
    await deleteEarlierCheckpoints(this.#options.state, this.tasks.values())
    await this.checkpoints.load([...this.tasks.values()])
    this.updater.open()
    this.#remade.start()
    this.#scheduleCleanup()
  }

  changelogsOf(taskId: string): readonly StoreChangelog[] {
    return this.#task(taskId).changelogs
  }

  #task(taskId: string): KeptTask {
    return present(this.tasks.get(taskId), `task ${taskId}`)
  }

  /** What the group is told of the state of a task here; null where there is none. */
  reportOf(taskId: string): TaskStateReport | null {
    const isRunning = this.updater.isActive(taskId)
    if (!this.checkpoints.has(taskId) && !isRunning) return null
    const task = this.#task(taskId)
    let offsetSum = 0
    for (const { topic } of task.changelogs)
      offsetSum += this.checkpoints.of(task, topic)?.offset ?? 0
    const lag = this.updater.lagOf(taskId)
    return { taskId, isRunning, offsetSum, endOffsetSum: lag === null ? null : offsetSum + lag }
  }

  #scheduleCleanup(): void {
    const { clock, limits } = this.#options
    const intervalMs = Math.max(1, Math.min(cleanupIntervalMsMax, limits.stateCleanupDelayMs))
    this.#cancelCleanup = clock.after(intervalMs, () => {
      this.#cleaning = this.#clean().finally(() => {
        if (!this.#isClosed) this.#scheduleCleanup()
      })
    })
  }

  async #clean(): Promise<void> {
    const { updater } = this
    try {
      for (const task of updater.elsewhereFor(this.#options.limits.stateCleanupDelayMs)) {
        if (this.#isClosed) return
        await updater.forget(task)
      }
    } catch (thrown) {
      this.#options.onFailure(
        new Error(`state of tasks that are gone: ${messageOf(thrown)}`, { cause: thrown }),
      )
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelCleanup?.()
    this.#remade.stop()
    await this.updater.close()
    await this.#cleaning
  }
}

async function deleteRetentionMs(log: Log, { topic }: StoreChangelog): Promise<number> {
  if (!('topicConfiguration' in log)) return deleteRetentionMsDefault
  const configuration = await (log as Log & LogAdmin).topicConfiguration(topic)
  return Number(configuration.get('delete.retention.ms') ?? deleteRetentionMsDefault)
}

async function topicIds(
  log: Log,
  topics: readonly TopicName[],
): Promise<ReadonlyMap<TopicName, string>> {
  return 'topicIds' in log ? await (log as Log & LogAdmin).topicIds(topics) : new Map()
}
