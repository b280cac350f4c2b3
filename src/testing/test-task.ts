/** One task of the test driver: the runtime's task, moved by hand. */
import { present } from '../core/assert.ts'
import type { TransactionalProducer } from '../log/log.ts'
import { commit } from '../runtime/commit.ts'
import { fetchBytes } from '../runtime/fetch-bytes.ts'
import type { StreamTask } from '../runtime/stream-task.ts'
import type { TaskMetrics } from '../runtime/task-metrics.ts'
import { makeTask } from '../runtime/task-plan.ts'
import type { CompiledTopology, TaskPlan, TaskSurroundings } from '../runtime/task-plan.ts'
import type { AnyStore } from '../state/stores.ts'

export class TestTask {
  readonly metrics: TaskMetrics
  readonly #plan: TaskPlan
  readonly #compiled: CompiledTopology
  readonly #surroundings: TaskSurroundings
  readonly #signal = new AbortController().signal
  #task: StreamTask | null = null
  #producer: TransactionalProducer | null = null

  constructor(
    plan: TaskPlan,
    compiled: CompiledTopology,
    surroundings: TaskSurroundings,
    metrics: TaskMetrics,
  ) {
    this.#plan = plan
    this.#compiled = compiled
    this.#surroundings = surroundings
    this.metrics = metrics
  }

  async open(): Promise<void> {
    this.#producer ??= await this.#surroundings.log.transactionalProducer(this.#plan.id)
    this.#task = makeTask(
      this.#plan,
      this.#compiled,
      this.#surroundings,
      this.#producer,
      this.metrics,
    )
    await this.#task.restore(() => undefined, new AbortController().signal)
  }

  get #open(): StreamTask {
    return present(this.#task, `the open task ${this.#plan.id}`)
  }

  async hasInput(): Promise<boolean> {
    await this.#fetch()
    return this.#open.readiness().kind === 'ready'
  }

  /** Processes one batch and commits it; false where there was nothing to process. */
  async runBatch(): Promise<boolean> {
    const task = this.#open
    const { batchRecordsMax } = this.#surroundings.limits
    while (task.uncommittedRecords < batchRecordsMax) {
      await this.#fetch()
      if (task.readiness().kind !== 'ready') break
      await task.process()
    }
    if (!task.needsCommit) return false
    await this.#commit(task)
    return true
  }

  async punctuate(): Promise<void> {
    const task = this.#open
    // As the runtime does all the time: only what a fetch has seen to be quiet is.
    await this.#fetch()
    await task.punctuate()
    if (task.needsCommit) await this.#commit(task)
  }

  async #fetch(): Promise<void> {
    const task = this.#open
    const partitions = task.fetchPositions()
    if (partitions.length === 0) return
    const { log, limits } = this.#surroundings
    const fetched = await log.fetch({
      partitions,
      ...fetchBytes(partitions.length, limits.batchBytesMax),
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    await task.add(fetched)
  }

  async #commit(task: StreamTask): Promise<void> {
    const { clock, limits } = this.#surroundings
    await commit(task, { clock, limits, signal: this.#signal, onCommitStep: null })
  }

  storesNamed(name: string): AnyStore[] {
    const subTopology = present(this.#compiled.graph.subTopologies[this.#plan.subTopology], 'it')
    const isThere = subTopology.stores.some((store) => store.name === name)
    return isThere ? [this.#open.stores.get(name)] : []
  }

  close(): void {
    this.#task?.close()
    this.#task = null
  }
}
