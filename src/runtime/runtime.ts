/**
 * Runs topologies: creates their topics, joins their groups, and runs a task for each sub-topology and
 * partition that is assigned to this process, in this thread or in workers.
 */
import { pause } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Partition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import type { MemoryBudget } from '../state/memory-budget.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { AddedPartitionsWatch } from './added-partitions.ts'
import { Codecs } from './codecs.ts'
import type { CodecFactory } from './codecs.ts'
import type { CommitStepHook } from './commit.ts'
import { checkClusterOptions } from './cluster-options.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { EndedTasks, sumOfCounts } from './ended-tasks.ts'
import { GroupMemberships } from './group-memberships.ts'
import type { GroupMembershipsOptions } from './group-memberships.ts'
import { IdleCheck } from './idle-check.ts'
import { InputLag } from './input-lag.ts'
import { verifyKeptTopics } from './kept-topics.ts'
import { runtimeLimits } from './limits.ts'
import type { RuntimeLimits } from './limits.ts'
import { LocalState } from './local-state.ts'
import { PartitionCounts } from './partition-counts.ts'
import { runningTask } from './queries/hosts.ts'
import type { HeldTask, QueryableRuntime, TopologyHosts } from './queries/hosts.ts'
import { RateMeter } from './rate-meter.ts'
import type {
  MeasuredTask,
  RuntimeStatus,
  RuntimeTotals,
  TaskStatus,
  WipedStore,
} from './runtime-status.ts'
import { ThreadHost } from './thread-host.ts'
import type { TaskHost } from './task-host.ts'
import { WorkerHost } from './worker/worker-host.ts'
import type { WorkerOptions } from './worker/worker-host.ts'
import { compileTopologies, taskId } from './task-plan.ts'
import type { CompiledTopology } from './task-plan.ts'
import { topicSpecs } from './topics.ts'

export interface RuntimeOptions {
  readonly topologies: readonly TopologyGraph[]
  readonly log: Log
  readonly state: StateBackend
  /** Of all stores of this process. */
  readonly budget: MemoryBudget
  readonly codecs: CodecFactory
  readonly clock: Clock
  readonly limits?: Partial<RuntimeLimits>
  /** Back-pressure: the time, as `Clock.nowMs`, until which tasks take no input; null goes on. */
  readonly pausedUntil?: () => number | null
  readonly onCommitStep?: CommitStepHook
  /** A store was not what its changelog says: it is restored from the start. */
  readonly onStoreWiped?: (wiped: WipedStore) => void
  /** Absent: this process is the only one, or shares tasks with others without following their state. It takes a
   * log that does not share its storage with the state. */
  readonly cluster?: ClusterOptions
  /** Absent, or with a count of 0: the tasks run in this thread. */
  readonly workers?: WorkerOptions
}

export interface Runtime extends QueryableRuntime {
  /** Resolves when every task has been started. @throws TidemarkError TOPIC_MISMATCH | TOPOLOGY_INVALID */
  start(): Promise<void>
  /** Commits what is under way and closes the tasks, within `stopMaxMs`. */
  stop(): Promise<void>
  status(): RuntimeStatus
  /** Records in the input topics that are not processed and committed. */
  lag(): Promise<number>
  /** Resolves when nothing is left to process anywhere. @throws what the runtime has failed with */
  whenIdle(signal?: AbortSignal): Promise<void>
  /** Where the tasks of a topology are, as of the last rebalance of a cluster; null before its group was joined. */
  hostsOf(topology: string): TopologyHosts | null
  heldTask(topology: string, subTopology: number, partition: Partition): HeldTask | null
  /** Resolves, never rejects, with what made the runtime fail; it has stopped its tasks then. */
  readonly failed: Promise<unknown>
}

/** Stands for their sum; no topology is called so. */
const allTopologies = ''
const firstPartition = 0 as Partition
/** How often `whenIdle` looks. */
const idlePollMs = 10

export function createRuntime(options: RuntimeOptions): Runtime {
  return new LocalRuntime(options)
}

class LocalRuntime implements Runtime {
  readonly failed: Promise<unknown>
  readonly #options: RuntimeOptions
  readonly #limits: RuntimeLimits
  readonly #topologies: ReadonlyMap<string, CompiledTopology>
  readonly #groups: GroupMemberships
  readonly #host: TaskHost
  /** Null where the log shares its storage with the state. */
  readonly #localState: LocalState | null
  readonly #idleCheck: IdleCheck
  readonly #inputLag: InputLag
  readonly #addedPartitions: AddedPartitionsWatch
  readonly #partitionCounts = new PartitionCounts()
  readonly #rates = new Map<string, RateMeter>()
  readonly #ended = new EndedTasks()
  #state: RuntimeStatus['state'] = 'created'
  #failure: { readonly cause: unknown } | null = null
  #resolveFailed!: (cause: unknown) => void
  #lastTasks: readonly TaskStatus[] = []
  #stopped: Promise<void> | null = null

  constructor(options: RuntimeOptions) {
    this.#options = options
    this.#limits = runtimeLimits(options.limits ?? {})
    const { log, state, topologies } = options
    const { defaultPartitionCount } = this.#limits
    this.failed = new Promise((resolve) => {
      this.#resolveFailed = resolve
    })
    this.#topologies = compileTopologies(topologies)
    this.#localState = log.sharesState ? null : this.#newLocalState()
    this.#groups = new GroupMemberships({
      log,
      clock: options.clock,
      topologies: this.#topologies,
      defaultPartitionCount,
      onTasksGained: (plans) => {
        void this.#inputLag.noteGiven(plans)
        return this.#host.start(plans)
      },
      onTasksRevoked: async (ids) => {
        await this.#host.stop(ids)
        await this.#localState?.updater.release(ids)
      },
      onTasksLost: async (ids) => {
        await this.#host.drop(ids)
        await this.#localState?.updater.release(ids)
      },
      onFailure: (failure) => {
        this.#fail(failure)
      },
      cluster: this.#cluster(),
    })
    this.#idleCheck = new IdleCheck({
      log,
      state,
      topologies: this.#topologies,
      defaultPartitionCount,
      isOwn: (taskId) => log.sharesState || this.#groups.runs(taskId),
    })
    this.#inputLag = new InputLag({
      ...{ log, clock: options.clock, topologies: this.#topologies },
      tasks: () => this.#host.status(),
    })
    this.#addedPartitions = new AddedPartitionsWatch({
      log,
      clock: options.clock,
      graphs: topologies,
      defaultPartitionCount,
      intervalMs: this.#limits.topicsIntervalMs,
    })
    this.#host = this.#newHost()
    for (const name of [allTopologies, ...this.#topologies.keys()]) {
      this.#rates.set(name, new RateMeter(options.clock))
    }
  }

  #cluster(): GroupMembershipsOptions['cluster'] {
    const { cluster } = this.#options
    if (cluster === undefined) return null
    if (this.#localState !== null) {
      return { options: checkClusterOptions(cluster), localState: this.#localState }
    }
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      'a cluster needs a log that its instances share; this one is stored in this process',
    )
  }

  #newLocalState(): LocalState {
    const { log, state, clock, cluster, codecs, onStoreWiped } = this.#options
    return new LocalState({
      log,
      state,
      clock,
      codecs: new Codecs(codecs),
      limits: this.#limits,
      topologies: this.#topologies,
      caughtUpLag: cluster?.acceptableRecoveryLag ?? 0,
      ...(cluster?.stateFrom === undefined ? {} : { stateFrom: cluster.stateFrom }),
      onCaughtUp: (taskId) => {
        this.#groups.noteCaughtUp(taskId)
      },
      onFailure: (failure) => {
        this.#fail(failure)
      },
      ...(onStoreWiped === undefined ? {} : { onStoreWiped }),
    })
  }

  #newHost(): TaskHost {
    const { workers } = this.#options
    return workers === undefined || workers.count === 0
      ? this.#newThreadHost()
      : this.#newWorkerHost(workers)
  }

  #newWorkerHost(workers: WorkerOptions): TaskHost {
    const { log, state, budget, clock, pausedUntil } = this.#options
    return new WorkerHost({
      workers,
      log,
      state,
      clock,
      limits: this.#limits,
      partitionCounts: this.#partitionCounts,
      stateCacheBytesMax: budget.bytesMax,
      stateKeeper: this.#localState?.keeper ?? null,
      groupOf: (name, taskId) => this.#groups.metadataOf(name, taskId),
      pausedUntil: pausedUntil ?? (() => null),
      onFailure: (failure) => {
        this.#fail(failure)
      },
      onEnded: this.#noteEnded,
    })
  }

  #newThreadHost(): TaskHost {
    const { log, state, budget, codecs, clock, pausedUntil, onCommitStep } = this.#options
    return new ThreadHost({
      topologies: this.#topologies,
      surroundings: {
        log,
        state,
        budget,
        clock,
        codecs: new Codecs(codecs),
        limits: this.#limits,
        stateKeeper: this.#localState?.keeper ?? null,
        group: ({ topologyName, id }) => this.#groups.metadataOf(topologyName, id),
        partitionCountOf: this.#partitionCounts.of,
      },
      pausedUntil: pausedUntil ?? (() => null),
      onCommitStep: onCommitStep ?? null,
      onFailure: (failure) => {
        this.#fail(failure)
      },
      onEnded: this.#noteEnded,
    })
  }

  readonly #noteEnded = (last: TaskStatus): void => {
    this.#ended.add(last.topologyName, last)
  }

  async start(): Promise<void> {
    const { log, topologies } = this.#options
    const { defaultPartitionCount } = this.#limits
    this.#state = 'running'
    try {
      const specs = topicSpecs(topologies, defaultPartitionCount, !log.sharesState)
      await log.createTopics(specs)
      await verifyKeptTopics(log, topologies, specs)
      await this.#partitionCounts.read(
        log,
        specs.map(({ name }) => name),
      )
      await this.#localState?.open()
      await this.#host.open()
      this.#inputLag.start()
      await this.#groups.join()
      // Where the log is this process's own, nobody else changes its topics.
      if (!log.sharesState) this.#addedPartitions.start()
    } catch (thrown) {
      this.#state = 'failed'
      await this.#close()
      throw thrown
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    if (this.#state === 'running') this.#state = 'stopping'
    const { clock } = this.#options
    const closed = new AbortController()
    const closing = this.#close().finally(() => {
      closed.abort()
    })
    await Promise.race([closing, pause(clock, this.#limits.stopMaxMs, closed.signal)])
    if (this.#state === 'stopping') this.#state = 'stopped'
  }

  async #close(): Promise<void> {
    this.#addedPartitions.stop()
    this.#inputLag.stop()
    const stopped = await this.#host.stop()
    if (stopped.length > 0) this.#lastTasks = stopped
    await this.#localState?.updater.release(stopped.map(({ id }) => id))
    await this.#groups.leave()
    await this.#host.close()
    await this.#localState?.close()
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null) return
    this.#failure = { cause }
    this.#state = 'failed'
    void this.stop().then(
      () => {
        this.#resolveFailed(cause)
      },
      () => {
        this.#resolveFailed(cause)
      },
    )
  }

  status(): RuntimeStatus {
    const tasks = this.#host.status()
    // After the stop the last word stays.
    if (tasks.length > 0 || this.#state === 'running') this.#lastTasks = tasks
    const measured = this.#lastTasks.map((task) => ({ ...task, lag: this.#inputLag.of(task) }))
    const names = [...this.#topologies.keys()]
    const totals = (rateName: string, topologies: readonly string[]) =>
      this.#totals(rateName, topologies, tasks, measured)
    return {
      state: this.#state,
      tasks: measured,
      totals: totals(allTopologies, names),
      byTopology: new Map(names.map((name) => [name, totals(name, [name])])),
      restoring: this.#localState?.updater.restoring() ?? [],
      restored: this.#localState?.updater.restored() ?? [],
      standbys: this.#localState?.updater.standbys() ?? [],
      addedPartitions: this.#addedPartitions.found,
    }
  }

  #totals(
    rateName: string,
    topologies: readonly string[],
    tasks: readonly TaskStatus[],
    measured: readonly MeasuredTask[],
  ): RuntimeTotals {
    const isOf = ({ topologyName }: TaskStatus) => topologies.includes(topologyName)
    const ended = topologies.flatMap((name) => this.#ended.of(name))
    const counts = sumOfCounts([...ended, ...tasks.filter(isOf)])
    return {
      ...counts,
      lag: measured.filter(isOf).reduce((sum, { lag }) => sum + lag, this.#unread(topologies)),
      recordsPerSecond: this.#rates.get(rateName)?.perSecond(counts.processed) ?? 0,
    }
  }

  /** Told by one of all instances, so that it counts once. */
  #unread(topologies: readonly string[]): number {
    return this.#addedPartitions.found
      .filter(({ topologyName: name }) => topologies.includes(name))
      .filter((at) => this.#groups.runs(taskId(at.topologyName, at.subTopology, firstPartition)))
      .reduce((sum, { unread }) => sum + unread, 0)
  }

  hostsOf(topology: string): TopologyHosts | null {
    return this.#groups.hostsOf(topology)
  }

  heldTask(topology: string, subTopology: number, partition: Partition): HeldTask | null {
    const id = taskId(topology, subTopology, partition)
    if (this.#localState !== null) return this.#localState.updater.held(id)
    return this.#groups.runs(id) ? runningTask : null
  }

  lag(): Promise<number> {
    return this.#idleCheck.lag()
  }

  async whenIdle(signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true) {
      if (this.#failure !== null) throw this.#failure.cause
      if (this.#state !== 'running') {
        throw new TidemarkError('INSTANCE_NOT_RUNNING', `the runtime is ${this.#state}`)
      }

      if ((await this.lag()) === 0) {
        await this.#host.refresh()
        return
      }

      await pause(this.#options.clock, idlePollMs)
    }
  }
}
