/**
 * Reads the changelogs of all tasks that are restored here, and of all whose standby is here, into the local
 * state: one loop, many partitions a fetch (Kafka Streams' `StateUpdater` and `StoreChangelogReader`).
 *
 *  1. While a task is restored standbys wait: somebody waits for the task.
 *  2. The state of a task has one writer: this loop, or the commits of the task while it is active.
 *  3. What is in memory is one fetch that is applied and one that is under way, each of `restoreBytesMax`.
 *  4. Only committed records are read, and a task is restored to the high watermark, not to the last stable
 *     offset: what was committed with the offsets that the task goes on from may still wait for its marker.
 */
import { assert, present } from '../../core/assert.ts'
import { pause } from '../../core/clock.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { FetchedPartition } from '../../log/log.ts'
import { fetchBytes } from '../fetch-bytes.ts'
import type { KeptTask } from '../kept-task.ts'
import type { HeldTask } from '../queries/hosts.ts'
import type { RestoreStatus, StandbyStatus } from '../runtime-status.ts'
import type { RestoreStep } from '../state-keeper.ts'
import { WakeUp } from '../wake-up.ts'
import { applyChangelogs } from './apply-changelogs.ts'
import type { FetchedChangelog } from './apply-changelogs.ts'
import { CaughtUp } from './caught-up.ts'
import type { ChangelogCursor } from './changelog-cursor.ts'
import { cursorsToRead } from './cursors-to-read.ts'
import { openCursors } from './open-cursors.ts'
import { isPassing } from './passing.ts'
import type { StateUpdaterOptions } from './state-updater-options.ts'
import { noteWait, TaskState } from './task-state.ts'

interface Fetch {
  readonly cursors: readonly ChangelogCursor[]
  readonly fetched: Promise<readonly FetchedPartition[]>
}

export class StateUpdater {
  readonly #options: StateUpdaterOptions
  readonly #states = new Map<string, TaskState>()
  readonly #standbys = new Set<string>()
  readonly #caughtUp: CaughtUp
  readonly #wakeUp: WakeUp
  /** Those who wait for a task to be restored. */
  readonly #waiters = new Set<() => void>()
  #isClosed = false
  #isUnreachable = false
  #running: Promise<void> | null = null
  /** Ends the wait of the fetch under way. */
  #fetching = new AbortController()
  /** Turns with every fetch, so that all partitions have theirs where there are more than one fetch takes. */
  #turn = 0

  constructor(options: StateUpdaterOptions) {
    this.#options = options
    this.#wakeUp = new WakeUp(options.clock)
    this.#caughtUp = new CaughtUp(options.caughtUpLag, options.onCaughtUp)
    for (const [id, task] of options.tasks) this.#states.set(id, new TaskState(task))
  }

  open(): void {
    this.#running ??= this.#run()
  }

  /** As `StateKeeper.restore`. */
  async restore(taskId: string, signal: AbortSignal): Promise<RestoreStep> {
    const state = this.#state(taskId)
    if (state.mode !== 'restoring') {
      // Its ends are looked up anew: what a standby has seen may be of before the last commit.
      state.moveTo('restoring')
      state.cursors = null
      this.#open(state)
    }
    await this.#waitFor(state, signal)
    if (state.failure !== null) {
      const { failure } = state
      state.failure = null
      state.cursors = null
      state.moveTo('idle')
      throw failure instanceof Error ? failure : new Error(messageOf(failure))
    }
    const isDone = state.cursors !== null && state.isRestored && !signal.aborted
    const progress = (state.cursors ?? []).reduce((sum, { offset }) => sum + offset, 0)
    if (isDone) state.moveTo('active')
    const waitingFor = this.#isUnreachable ? 'kafka' : state.waitingFor
    return { isDone, progress, waitingFor: isDone ? null : waitingFor }
  }

  async #waitFor(state: TaskState, signal: AbortSignal): Promise<void> {
    const { clock, limits } = this.#options
    const untilMs = clock.monotonicMs() + limits.restoreReportMs
    for (;;) {
      if (state.failure !== null || this.#isClosed || signal.aborted) return
      if (state.cursors !== null && state.isRestored) return
      const leftMs = untilMs - clock.monotonicMs()
      if (leftMs <= 0) return
      const woken = new AbortController()
      const wake = () => {
        woken.abort()
      }
      this.#waiters.add(wake)
      signal.addEventListener('abort', wake, { once: true })

      await pause(clock, leftMs, woken.signal)
      signal.removeEventListener('abort', wake)
      this.#waiters.delete(wake)
    }
  }

  /** The task's commits write its state: true between its restoring and its release. */
  isActive(taskId: string): boolean {
    return this.#state(taskId).mode === 'active'
  }

  /** The task has ended here; its state is kept, and followed where a standby is wanted. */
  async release(taskIds: readonly string[]): Promise<void> {
    for (const id of taskIds) {
      const state = this.#state(id)
      if (state.mode === 'active' || state.mode === 'restoring') state.moveTo('idle')
    }
    await this.#settle()
    this.#reconcile()
  }

  /** From now on these are followed, and no others. */
  async setStandbys(taskIds: readonly string[]): Promise<void> {
    this.#standbys.clear()
    for (const id of taskIds) if (this.#options.tasks.has(id)) this.#standbys.add(id)
    this.#caughtUp.retain(this.#standbys)
    for (const state of this.#states.values()) {
      const { id } = state.task.plan
      if (state.mode === 'standby' && !this.#standbys.has(id)) state.moveTo('idle')
    }
    await this.#settle()
    this.#reconcile()
  }

  /** The changelogs of a standby are not what they were: where to begin is looked up anew. */
  reopen(taskId: string): void {
    const state = this.#state(taskId)
    if (state.mode !== 'standby') return
    state.cursors = null
    this.#open(state)
  }

  /** For interactive queries; null where the state is not kept up here. */
  held(taskId: string): HeldTask | null {
    const state = this.#states.get(taskId)
    if (state === undefined || state.mode === 'idle') return null
    const { mode: role, task, lastAppliedMs } = state
    const incomplete = role === 'active' ? [] : this.#options.checkpoints.incompleteOf(task)
    return { role, lastAppliedMs, incomplete, remainingMs: state.remainingMs }
  }

  /** A standby or a warm-up that has come within `caughtUpLag`. */
  isCaughtUp(taskId: string): boolean {
    return this.#caughtUp.has(taskId)
  }

  /** What a standby lacks; null where it is none or has not looked yet. */
  lagOf(taskId: string): number | null {
    const state = this.#states.get(taskId)
    return state?.mode === 'standby' ? state.lag : null
  }

  /** An assignment says that these are neither run nor followed here. */
  noteElsewhere(taskIds: readonly string[]): void {
    for (const id of taskIds) {
      const state = this.#state(id)
      if (state.mode === 'idle') state.elsewhereSinceMs ??= this.#options.clock.nowMs()
    }
  }

  /** The membership that said where these are is over: they may be nobody's, as while no broker answers. */
  forgetElsewhere(taskIds: readonly string[]): void {
    for (const id of taskIds) this.#state(id).elsewhereSinceMs = null
  }

  /** Tasks whose state is kept here though they have been another's for so long. */
  elsewhereFor(ms: number): readonly KeptTask[] {
    const beforeMs = this.#options.clock.nowMs() - ms
    return [...this.#states.values()]
      .filter(({ elsewhereSinceMs: sinceMs }) => sinceMs !== null && sinceMs <= beforeMs)
      .map(({ task }) => task)
      .filter((task) => this.#options.checkpoints.has(task.plan.id))
  }

  /** Deletes the state of a task that is another's; nothing where that is not so any more. */
  async forget(task: KeptTask): Promise<void> {
    const state = this.#state(task.plan.id)
    if (state.elsewhereSinceMs === null || state.isOpening) return
    state.isOpening = true
    try {
      await this.#options.checkpoints.wipeTask(task)
    } finally {
      state.isOpening = false
      this.#open(state)
    }
  }

  restoring(): readonly RestoreStatus[] {
    return [...this.#states.values()]
      .filter(({ mode }) => mode === 'restoring')
      .flatMap(({ cursors }) => (cursors ?? []).map((cursor) => cursor.status()))
  }

  /** How the state of the tasks that run here was brought up when they were started. */
  restored(): readonly RestoreStatus[] {
    return [...this.#states.values()]
      .filter(({ mode }) => mode === 'active')
      .flatMap(({ restored }) => restored)
  }

  standbys(): readonly StandbyStatus[] {
    return [...this.#states.values()]
      .filter(({ mode }) => mode === 'standby')
      .map((state) => ({ taskId: state.task.plan.id, lag: state.lag }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#interrupt()
    await this.#running
  }

  #state(taskId: string): TaskState {
    return present(this.#states.get(taskId), `state of task ${taskId}`)
  }

  #reconcile(): void {
    for (const id of this.#standbys) {
      const state = this.#state(id)
      if (state.mode !== 'idle' || state.task.changelogs.length === 0) continue
      state.moveTo('standby')
      this.#open(state)
    }
  }

  /** Looks up where the changelogs of a task begin and end; beside the loop, because it may have to wipe. */
  #open(state: TaskState): void {
    if (!state.isRead || state.cursors !== null || state.isOpening) return
    state.isOpening = true
    const { mode } = state
    const opened = this.#settle().then(() => openCursors(state.task, this.#options))
    opened.then(
      (cursors) => {
        state.isOpening = false
        if (state.mode === mode) state.cursors = cursors
        else this.#open(state)
        this.#interrupt()
      },
      (failure: unknown) => {
        state.isOpening = false
        this.#failedToOpen(state, failure)
      },
    )
  }

  #failedToOpen(state: TaskState, failure: unknown): void {
    if (!state.isRead || this.#isClosed) return
    if (!isPassing(failure)) {
      this.#giveUp(state, failure)
      return
    }
    this.#isUnreachable = noteWait([state], failure)
    const { clock, limits } = this.#options
    clock.after(limits.unreachableBackOffMs, () => {
      this.#open(state)
    })
  }

  #giveUp(state: TaskState, failure: unknown): void {
    if (state.mode === 'restoring') state.failure = failure
    else this.#options.onFailure(failure)
    this.#wakeWaiters()
  }

  async #run(): Promise<void> {
    const { clock, limits } = this.#options
    let next: Fetch | null = null
    while (!this.#isClosed) {
      const current: Fetch | null = next ?? this.#fetch()
      next = null
      if (current === null) {
        await this.#wakeUp.sleep(null)
        continue
      }
      try {
        const fetched = await current.fetched
        this.#isUnreachable = false
        const taken = this.#take(current.cursors, fetched)
        // The log is asked for more while the state is written; who waits does so where there is nothing.
        next = taken.length === 0 ? null : this.#fetch()

        await this.#apply(taken)
        for (const id of this.#standbys) this.#caughtUp.note(id, this.lagOf(id))
      } catch (thrown) {
        next?.fetched.catch(() => undefined)
        next = null
        this.#noteFailure(current, thrown)

        await pause(clock, limits.unreachableBackOffMs)
      }
      this.#wakeWaiters()
    }
    next?.fetched.catch(() => undefined)
    this.#wakeWaiters()
  }

  #fetch(): Fetch | null {
    const { log, limits } = this.#options
    const { restorePartitionsMax } = limits
    const cursors = cursorsToRead(this.#states.values(), restorePartitionsMax, this.#turn)
    this.#turn += restorePartitionsMax
    if (cursors.length === 0) return null
    this.#fetching = new AbortController()
    const fetched = log.fetch({
      partitions: cursors.map(({ at, fetchOffset }) => ({ ...at, offset: fetchOffset })),
      ...fetchBytes(cursors.length, limits.restoreBytesMax),
      waitMaxMs: limits.fetchWaitMaxMs,
      isolation: 'read_committed',
      signal: this.#fetching.signal,
    })
    return { cursors, fetched }
  }

  /** Moves the cursors on; what they have left behind is returned, to be applied. A task that meanwhile is not
   * read any more, or is read anew, has other cursors: what came for these is left. */
  #take(
    cursors: readonly ChangelogCursor[],
    fetched: readonly FetchedPartition[],
  ): FetchedChangelog[] {
    const taken: FetchedChangelog[] = []
    const byId = new Map(cursors.map((cursor) => [topicPartitionId(cursor.at), cursor]))
    for (const range of fetched) {
      const cursor = present(byId.get(topicPartitionId(range)), topicPartitionId(range))
      const state = this.#state(cursor.task.plan.id)
      if (state.cursors?.includes(cursor) !== true || range.isStale === true) continue
      const isFollowed = state.mode === 'standby'
      if (isFollowed) cursor.endOffset = range.highWatermark
      // What waits for its marker is no gap: compaction removes nothing for its sake.
      const end = isFollowed ? range.lastStableOffset : cursor.endOffset
      const isToTheEnd = range.nextOffset >= end
      if (range.nextOffset === cursor.fetchOffset) {
        if (isToTheEnd) this.#options.checkpoints.noteComplete(cursor.task, range.topic)
        continue
      }
      cursor.fetchOffset = range.nextOffset
      taken.push({ cursor, range, isToTheEnd })
    }
    return taken
  }

  #applying: Promise<void> = Promise.resolve()

  /** Resolves when nothing is being written for a task that is read no more. */
  async #settle(): Promise<void> {
    await this.#applying.catch(() => undefined)
  }

  #apply(taken: readonly FetchedChangelog[]): Promise<void> {
    this.#applying = this.#write(taken)
    return this.#applying
  }

  async #write(taken: readonly FetchedChangelog[]): Promise<void> {
    if (taken.length === 0) return
    for (const { cursor } of taken) {
      const { id } = cursor.task.plan
      assert(this.#state(id).isRead, `state of ${id} has one writer`)
    }
    const writtenMs = await applyChangelogs(taken, this.#options)
    for (const { cursor } of taken) this.#state(cursor.task.plan.id).noteApplied(writtenMs)
  }

  #noteFailure({ cursors }: Fetch, thrown: unknown): void {
    for (const cursor of cursors) cursor.fetchOffset = cursor.offset
    const states = new Set(cursors.map(({ task }) => this.#state(task.plan.id)))
    this.#isUnreachable = noteWait(states, thrown)
    if (isPassing(thrown)) return
    // The changelog is not what it was: where to begin is looked up anew.
    const isRange = thrown instanceof TidemarkError && thrown.code === 'OFFSET_OUT_OF_RANGE'
    for (const state of states) {
      if (!state.isRead) continue
      state.cursors = null
      if (isRange) this.#open(state)
      else this.#giveUp(state, thrown)
    }
  }

  #interrupt(): void {
    this.#fetching.abort()
    this.#wakeUp.wake()
    this.#wakeWaiters()
  }

  #wakeWaiters(): void {
    for (const wake of this.#waiters) wake()
  }
}
