/**
 * The tasks of one thread: starts and stops their loops, watches that each gets on, and tells the first failure.
 */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { CommitStepHook } from './commit.ts'
import type { TaskStatus } from './runtime-status.ts'
import { TaskLoop } from './task-loop.ts'
import type { Stall } from './task-loop.ts'
import { encodedTopics } from './topics.ts'
import type { CompiledTopology, TaskPlan, TaskSurroundings } from './task-plan.ts'

export interface StreamThreadOptions {
  readonly topologies: ReadonlyMap<string, CompiledTopology>
  readonly surroundings: TaskSurroundings
  readonly pausedUntil: () => number | null
  readonly onCommitStep: CommitStepHook | null
  /** Called once, with the failure of the first task that fails; the others go on until they are stopped. */
  readonly onFailure: (failure: unknown) => void
  /** Called with a task's last word, in the moment in which its status is told no more. */
  readonly onEnded?: (last: TaskStatus) => void
}

interface RunningTask {
  readonly loop: TaskLoop
  /** Settles when the loop has ended; never rejects. */
  readonly ended: Promise<void>
}

export class StreamThread {
  readonly #options: StreamThreadOptions
  readonly #tasks = new Map<string, RunningTask>()
  #cancelWatch: (() => void) | null = null
  #failed = false

  constructor(options: StreamThreadOptions) {
    this.#options = options
  }

  /** Before the first task. @throws TidemarkError SCHEMA_INCOMPATIBLE | REGISTRY_UNREACHABLE */
  async open(): Promise<void> {
    const graphs = [...this.#options.topologies.values()].map(({ graph }) => graph)
    await this.#options.surroundings.codecs.open(encodedTopics(graphs))
  }

  start(plans: readonly TaskPlan[]): void {
    for (const plan of plans) {
      const { topologies, surroundings, pausedUntil, onCommitStep } = this.#options
      const topology = present(topologies.get(plan.topologyName), `topology of ${plan.id}`)
      const fetchShare = () =>
        surroundings.limits.threadFetchBytesMax / Math.max(1, this.#tasks.size)
      const loop = new TaskLoop({
        ...{ plan, topology, surroundings, pausedUntil, fetchShare, onCommitStep },
      })
      const ended = loop.run().catch((failure: unknown) => {
        this.#fail(failure)
      })
      this.#tasks.set(plan.id, { loop, ended })
    }
    if (this.#tasks.size > 0) this.#watch()
  }

  /** Commits and ends these tasks, or all. Resolves when they have ended, with their last word. */
  stop(ids: readonly string[] = [...this.#tasks.keys()]): Promise<readonly TaskStatus[]> {
    return this.#end(ids, (loop) => {
      loop.stop()
    })
  }

  /** Ends these tasks without a commit: they are another's already. As `stop`. */
  drop(ids: readonly string[]): Promise<readonly TaskStatus[]> {
    return this.#end(ids, (loop) => {
      loop.drop()
    })
  }

  async #end(
    ids: readonly string[],
    end: (loop: TaskLoop) => void,
  ): Promise<readonly TaskStatus[]> {
    const stopping = ids.flatMap((id) => this.#tasks.get(id) ?? [])
    for (const { loop } of stopping) end(loop)
    await Promise.all(stopping.map(({ ended }) => ended))
    const last = stopping.map(({ loop }) => ({ ...taskStatus(loop), state: 'CLOSED' as const }))
    // Where two end it at once, it has ended once.
    for (const each of last) if (this.#tasks.delete(each.id)) this.#options.onEnded?.(each)
    if (this.#tasks.size === 0) this.#cancelWatch?.()
    return last
  }

  /** After back-pressure has ended. */
  wake(): void {
    for (const { loop } of this.#tasks.values()) loop.wake()
  }

  status(): TaskStatus[] {
    return [...this.#tasks.values()].map(({ loop }) => taskStatus(loop))
  }

  #watch(): void {
    const { clock, limits } = this.#options.surroundings
    this.#cancelWatch?.()
    this.#cancelWatch = clock.after(Math.max(1, limits.stallMaxMs / 4), () => {
      for (const { loop } of this.#tasks.values()) {
        const stalled = loop.stalledAwait()
        if (stalled !== null) this.#fail(stallError(loop.plan.id, stalled))
      }
      this.#watch()
    })
  }

  #fail(failure: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.onFailure(failure)
  }
}

function stallError(taskId: string, { name, forMs, limit }: Stall): TidemarkError {
  const seconds = Math.round(forMs / 1000)
  return new TidemarkError(
    'PROCESSING_FAILED',
    `task ${taskId} makes no progress: its ${name} has taken ${seconds} s so far (${limit})`,
    { details: { taskId, await: name, forMs } },
  )
}

function taskStatus(loop: TaskLoop): TaskStatus {
  const { plan, task, metrics, waitingFor } = loop
  const { id, topologyName, subTopology, partition } = plan
  const streamTimeMs = task?.streamTimeMs ?? -Infinity
  return {
    id,
    topologyName,
    subTopology,
    partition,
    state: task?.lifecycle.state ?? null,
    waitingFor,
    inputs: loop.inputs,
    processed: metrics.processed,
    produced: metrics.produced,
    dropped: metrics.dropped,
    late: metrics.late,
    quarantined: metrics.quarantined,
    warnings: metrics.warnings,
    restarts: metrics.restarts,
    drops: metrics.drops(),
    skips: metrics.skips.all(),
    skipped: metrics.skips.offsets,
    streamTimeMs: streamTimeMs === -Infinity ? null : streamTimeMs,
    lastCommitMs: metrics.lastCommitMs,
    handOverMs: loop.handOverMs,
    foreignOffsets: metrics.foreignOffsets,
  }
}
