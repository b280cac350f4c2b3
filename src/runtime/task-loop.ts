/**
 * Runs one task: fetch, process, commit, again. The loops of a thread's tasks take turns at their awaits, so
 * while one waits for its commit another processes; within a task everything is in sequence but the fetch,
 * which brings the next records while these are processed.
 *
 * The awaits of a running task have names, and none is inside a record's turn:
 *  - `restore`  positions and state as the last commit left them
 *  - `positions`  where the log begins, after it removed what was to be fetched
 *  - `decode`   the schemas of what was fetched
 *  - `process`  a turn of records, with a read of state for each round
 *  - `punctuate`
 *  - `commit`
 *  - `input`  a sleep that neither a fetch nor the clock ends
 * One that takes longer than `stallMaxMs` fails the task, a commit that waits for Kafka one that takes longer than
 * `commitWaitMaxMs`. Beside them the loop sleeps, until a fetch has ended
 * or something is due.
 */
import { setImmediate } from 'node:timers/promises'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { pause } from '../core/clock.ts'
import type { FetchedPartition, TransactionalProducer } from '../log/log.ts'
import { commit } from './commit.ts'
import type { CommitStepHook } from './commit.ts'
import { isRefusedByGroup } from './commit-membership.ts'
import { fetchBytes } from './fetch-bytes.ts'
import type { Readiness } from './input-queue.ts'
import { inputStatus } from './input-status.ts'
import type { InputStatus, WaitingFor } from './runtime-status.ts'
import type { StreamTask } from './stream-task.ts'
import { makeTask } from './task-plan.ts'
import type { CompiledTopology, TaskPlan, TaskSurroundings } from './task-plan.ts'
import { TaskMetrics } from './task-metrics.ts'
import { WakeUp } from './wake-up.ts'

export interface TaskLoopOptions {
  readonly plan: TaskPlan
  readonly topology: CompiledTopology
  readonly surroundings: TaskSurroundings
  /** The time, as `Clock.nowMs`, until which no input is taken because what is downstream lags; null goes on. */
  readonly pausedUntil: () => number | null
  /** Bytes that this task may fetch at a time, beside the others of its thread. */
  readonly fetchShare: () => number
  readonly onCommitStep: CommitStepHook | null
}

type AwaitName = 'restore' | 'positions' | 'decode' | 'process' | 'punctuate' | 'commit' | 'input'

export interface Stall {
  readonly name: AwaitName
  readonly forMs: number
  /** What it is longer than. */
  readonly limit: 'stallMaxMs' | 'commitWaitMaxMs'
}

export class TaskLoop {
  readonly plan: TaskPlan
  readonly metrics = new TaskMetrics()
  readonly #options: TaskLoopOptions
  readonly #wakeUp: WakeUp
  /** Raised by `stop` and by `drop`. */
  readonly #stopping = new AbortController()
  #isDropped = false
  readonly #givenMs: number
  #handOverMs: number | null = null
  #task: StreamTask | null = null
  #lastInputs: readonly InputStatus[] = []
  #fetching = false
  #fetched: readonly FetchedPartition[] | null = null
  #fetchFailure: Error | null = null
  #awaiting: { readonly name: AwaitName; sinceMs: number } | null = null
  #isPaused = false
  #lastCommitMs = -Infinity
  #restartsSinceCommit = 0
  #isUnreachable = false
  #fetchNotBeforeMs = -Infinity
  #isFetchPutOff = false

  constructor(options: TaskLoopOptions) {
    this.#options = options
    this.plan = options.plan
    const { clock } = options.surroundings
    this.#wakeUp = new WakeUp(clock)
    this.#givenMs = clock.monotonicMs()
  }

  /** Until an attempt has opened them, as the one before has left them. */
  get inputs(): readonly InputStatus[] {
    const inputs = this.#task?.inputs ?? []
    return inputs.length > 0 ? inputs.map(inputStatus) : this.#lastInputs
  }

  /** Null between two attempts. */
  get task(): StreamTask | null {
    return this.#task
  }

  get waitingFor(): WaitingFor | null {
    if (this.#isUnreachable || this.#isCommitTriedAgain()) return 'kafka'
    return this.#task?.waitingFor ?? (this.#isPaused ? 'sink' : null)
  }

  /** From when the task was given to this process until it ran; null before that. */
  get handOverMs(): number | null {
    return this.#handOverMs
  }

  /** Resolves after `stop`, with the batch committed. @throws TidemarkError what the task has failed with */
  async run(): Promise<void> {
    const { log, clock, limits } = this.#options.surroundings
    while (!this.#stopping.signal.aborted) {
      let producer: TransactionalProducer | null = null
      try {
        producer = await log.transactionalProducer(this.plan.id)

        await this.#attempt(producer)
      } catch (thrown) {
        this.#task?.close()
        this.#noteFailure(thrown)

        const backOffMs = this.#isUnreachable
          ? limits.unreachableBackOffMs
          : limits.taskRestartBackOffMs
        await pause(clock, backOffMs, this.#stopping.signal)
      } finally {
        this.#lastInputs = this.inputs
        this.#task = null
        this.#awaiting = null

        await producer?.close()
      }
    }
  }

  /** Finishes the batch, commits it and ends. */
  stop(): void {
    this.#stopping.abort()
    this.#wakeUp.wake()
  }

  /** Ends without a commit: the task is another's already. */
  drop(): void {
    this.#isDropped = true
    this.stop()
  }

  wake(): void {
    this.#wakeUp.wake()
  }

  /** The await that takes longer than it may; null while all is well. */
  stalledAwait(): Stall | null {
    if (this.#awaiting === null || this.waitingFor === 'disk') return null
    const { name, sinceMs } = this.#awaiting
    const { clock, limits } = this.#options.surroundings
    const isTriedAgain = this.#isCommitTriedAgain()
    // Who does not ask does not wait for an answer.
    if (this.waitingFor === 'kafka' && !isTriedAgain && name !== 'input') return null
    const forMs = clock.monotonicMs() - sinceMs
    const limit = isTriedAgain ? 'commitWaitMaxMs' : 'stallMaxMs'
    return forMs > limits[limit] ? { name, forMs, limit } : null
  }

  /** True while a commit is under way that Kafka does not take yet, and that is tried again and again. */
  #isCommitTriedAgain(): boolean {
    if (this.#awaiting?.name !== 'commit') return false
    const { log, clock, limits } = this.#options.surroundings
    const triedMs = log.lastRetryMs ?? null
    if (triedMs === null) return false
    const agoMs = clock.nowMs() - triedMs
    const forMs = clock.monotonicMs() - this.#awaiting.sinceMs
    return agoMs <= forMs && agoMs <= limits.commitRetryMaxMs
  }

  #noteFailure(thrown: unknown): void {
    // A log that does not answer is waited for, however long; the status says so.
    this.#isUnreachable = isUnreachable(thrown)
    if (this.#isDropped || this.#isUnreachable || this.#isOfCluster(thrown)) {
      this.metrics.restarts += 1
      return
    }
    const reaction = thrown instanceof TidemarkError ? thrown.reaction : 'stop'
    const mayRetry = reaction === 'restart-task' || reaction === 'retry'
    if (mayRetry && this.#restartsSinceCommit < this.#options.surroundings.limits.taskRestartsMax) {
      this.#restartsSinceCommit += 1
      this.metrics.restarts += 1
      return
    }
    throw this.#fatal(thrown)
  }

  /** A rebalance, or a broker that went away in mid-commit, is no failure of the task. */
  #isOfCluster(thrown: unknown): boolean {
    if (isRefusedByGroup(thrown)) return true
    if (this.#options.surroundings.log.sharesState) return false
    return thrown instanceof TidemarkError && thrown.code === 'TRANSACTION_ABORTED'
  }

  #fatal(cause: unknown): TidemarkError {
    if (cause instanceof TidemarkError && cause.code === 'PROCESSING_FAILED') return cause
    const at = this.#task?.inputs.map(
      (input) => `${input.topic}-${input.partition}@${input.position}`,
    )
    const restarts =
      this.#restartsSinceCommit > 0 ? ` after ${this.#restartsSinceCommit} restarts` : ''
    return new TidemarkError(
      cause instanceof TidemarkError ? cause.code : 'PROCESSING_FAILED',
      `task ${this.plan.id} has failed${restarts}: ${messageOf(cause)} (next records: ${at?.join(', ') ?? 'unknown'})`,
      { cause, details: { taskId: this.plan.id, restarts: this.#restartsSinceCommit } },
    )
  }

  async #attempt(producer: TransactionalProducer): Promise<void> {
    const { plan, topology, surroundings } = this.#options
    const task = makeTask(plan, topology, surroundings, producer, this.metrics)
    this.#task = task
    this.#fetched = null
    this.#fetchFailure = null
    const { signal } = this.#stopping
    await this.#named('restore', () => task.restore(() => this.#noteProgress(), signal))
    this.#isUnreachable = false
    this.#handOverMs ??= surroundings.clock.monotonicMs() - this.#givenMs
    while (!this.#stopping.signal.aborted) {
      await this.#turn(task)
      // Promises alone would keep timers and sockets waiting, the watch for stalls among them.
      await setImmediate()
    }
    if (task.lifecycle.state === 'RUNNING' && !this.#isDropped && task.needsCommit) {
      await this.#commit(task)
    }
    task.close()
  }

  async #turn(task: StreamTask): Promise<void> {
    if (this.#fetchFailure !== null) await this.#recover(task, this.#fetchFailure)
    if (this.#fetched !== null) {
      const fetched = this.#fetched
      this.#fetched = null
      await this.#named('decode', () => task.add(fetched))
    }
    const pausedMs = this.#pausedMs()
    const readiness = task.readiness()
    if (readiness.kind !== 'ready' || pausedMs === null) this.#fetch(task, readiness)
    const isReady = readiness.kind === 'ready' && pausedMs === null
    if (isReady) await this.#named('process', () => task.process())

    const { clock } = this.#options.surroundings
    const dueMs = task.nextDueMs()
    if (dueMs !== null && dueMs <= clock.nowMs()) {
      await this.#named('punctuate', () => task.punctuate())
    }
    const commitInMs = this.#commitInMs(task)
    if (commitInMs !== null && commitInMs <= 0) await this.#commit(task)
    else if (!isReady) await this.#sleep(task, readiness, pausedMs, commitInMs)
  }

  /** What the log has removed is passed, and counted. @throws the failure where it is another */
  async #recover(task: StreamTask, failure: Error): Promise<void> {
    if (!isOutOfRange(failure)) throw failure
    if (!(await this.#named('positions', () => task.passRemoved()))) throw failure
    this.#fetchFailure = null
  }

  /** Null where nothing waits for a commit. */
  #commitInMs(task: StreamTask): number | null {
    if (!task.needsCommit) return null
    const { clock, limits } = this.#options.surroundings
    if (task.isOverBudget) return 0
    return this.#lastCommitMs + limits.commitIntervalMs - clock.monotonicMs()
  }

  async #commit(task: StreamTask): Promise<void> {
    const { clock, limits } = this.#options.surroundings
    const { onCommitStep } = this.#options
    const { signal } = this.#stopping
    await this.#named('commit', () => commit(task, { clock, limits, signal, onCommitStep }))
    this.#isUnreachable = false
    this.#lastCommitMs = clock.monotonicMs()
    this.#restartsSinceCommit = 0
  }

  async #sleep(
    task: StreamTask,
    readiness: Readiness,
    pausedMs: number | null,
    commitInMs: number | null,
  ): Promise<void> {
    const nowMs = this.#options.surroundings.clock.nowMs()
    const waits: number[] = []
    if (pausedMs !== null) waits.push(pausedMs)
    if (commitInMs !== null) waits.push(commitInMs)
    if (readiness.kind === 'waiting') waits.push(readiness.untilMs - nowMs)
    const dueMs = task.nextDueMs()
    if (dueMs !== null) waits.push(dueMs - nowMs)
    const { clock } = this.#options.surroundings
    // By now that time may have come: whoever was not let fetch then has to wake up for it all the same.
    if (this.#isFetchPutOff) waits.push(this.#fetchNotBeforeMs - clock.monotonicMs())
    if (waits.length > 0) await this.#wakeUp.sleep(Math.min(...waits))
    else if (this.#fetching) await this.#wakeUp.sleep(null)
    else await this.#named('input', () => this.#wakeUp.sleep(null))
  }

  /** How long input is not to be taken yet; null where it is. */
  #pausedMs(): number | null {
    const untilMs = this.#options.pausedUntil()
    const pausedMs = untilMs === null ? 0 : untilMs - this.#options.surroundings.clock.nowMs()
    this.#isPaused = pausedMs > 0
    return this.#isPaused ? pausedMs : null
  }

  /** Starts the next fetch, unless one is under way or its result is still to be taken in. */
  #fetch(task: StreamTask, readiness: Readiness): void {
    this.#isFetchPutOff = false
    if (this.#fetching || this.#fetched !== null) return
    const partitions = task.fetchPositions()
    const { log, limits, clock } = this.#options.surroundings
    if (partitions.length === 0) return
    this.#isFetchPutOff = clock.monotonicMs() < this.#fetchNotBeforeMs
    if (this.#isFetchPutOff) return
    let waitMaxMs = limits.fetchWaitMaxMs
    if (readiness.kind === 'waiting') {
      waitMaxMs = Math.min(waitMaxMs, readiness.untilMs - clock.nowMs())
    }
    // The first fetch says where the partitions end. One that is not answered is waited for in the next.
    const isFirst = task.inputs.some(({ wasAsked }) => !wasAsked)
    if (readiness.kind === 'ready' || isFirst) waitMaxMs = 0
    this.#fetching = true
    const fetch = log.fetch({
      partitions,
      ...fetchBytes(partitions.length, Math.min(limits.batchBytesMax, this.#options.fetchShare())),
      recordsPerPartitionMax: limits.bufferedRecordsMax,
      waitMaxMs,
      isolation: 'read_committed',
      signal: this.#stopping.signal,
    })
    const end = (fetched: readonly FetchedPartition[] | null, failure: Error | null) => {
      this.#fetching = false
      // A task that was given up meanwhile has positions of its own successor.
      if (this.#task === task) {
        this.#fetched = fetched
        this.#fetchFailure = failure
      }
      this.#wakeUp.wake()
    }
    fetch.then(
      (fetched) => {
        this.#isUnreachable = false
        end(fetched, null)
      },
      (failure: unknown) => {
        if (isUnreachable(failure)) {
          this.#isUnreachable = true
          this.#fetchNotBeforeMs = clock.monotonicMs() + limits.unreachableBackOffMs
          end(null, null)
          return
        }
        end(null, failure instanceof Error ? failure : new Error(messageOf(failure)))
      },
    )
  }

  async #named<T>(name: AwaitName, run: () => Promise<T>): Promise<T> {
    this.#awaiting = { name, sinceMs: this.#options.surroundings.clock.monotonicMs() }
    const result = await run()
    this.#awaiting = null
    return result
  }

  #noteProgress(): void {
    if (this.#awaiting !== null) {
      this.#awaiting.sinceMs = this.#options.surroundings.clock.monotonicMs()
    }
  }
}

function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.code === 'KAFKA_UNREACHABLE'
}

function isOutOfRange(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.code === 'OFFSET_OUT_OF_RANGE'
}
