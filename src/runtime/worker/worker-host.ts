/**
 * Runs the tasks in worker threads. The main thread keeps the storage, because a RocksDB directory opens once
 * a process; workers decode, process and encode. What they commit at one moment is one write.
 */
import { Worker } from 'node:worker_threads'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Clock } from '../../core/clock.ts'
import type { StateBackend } from '../../core/state.ts'
import type { GroupMetadata, Log } from '../../log/log.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import type { RuntimeLimits } from '../limits.ts'
import type { PartitionCounts } from '../partition-counts.ts'
import type { TaskStatus } from '../runtime-status.ts'
import type { StateKeeper } from '../state-keeper.ts'
import type { TaskHost } from '../task-host.ts'
import type { TaskPlan } from '../task-plan.ts'
import { encodedLog, MainServices } from './main-services.ts'
import type { StatusBody, WorkerSetup } from './messages.ts'
import { fromBody, Rpc } from './rpc.ts'

export interface WorkerOptions {
  /** How many; 0 runs the tasks in the main thread. */
  readonly count: number
  /** URLs of the modules whose default exports are the topologies. */
  readonly topologyModules: readonly string[]
  readonly registry: Pick<SchemaRegistry, 'register' | 'schemaById'>
  /** URL of a module whose default export is a `MakeCodecs`. Default: Avro with each topic's own schema. */
  readonly codecsModule?: string
}

export interface WorkerHostOptions {
  readonly workers: WorkerOptions
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly limits: RuntimeLimits
  readonly partitionCounts: PartitionCounts
  /** Of all workers together. */
  readonly stateCacheBytesMax: number
  /** Null where the log shares its storage with the state. */
  readonly stateKeeper: StateKeeper | null
  readonly groupOf: (topologyName: string, taskId: string) => GroupMetadata
  readonly pausedUntil: () => number | null
  readonly onFailure: (failure: unknown) => void
  /** As of `StreamThreadOptions`. */
  readonly onEnded: (last: TaskStatus) => void
}

/** How often the workers tell of their tasks. */
const statusIntervalMs = 250

interface WorkerHandle {
  readonly index: number
  readonly worker: Worker
  readonly rpc: Rpc
  readonly services: MainServices
  /** The tasks that it runs. */
  readonly ids: Set<string>
}

export class WorkerHost implements TaskHost {
  readonly #options: WorkerHostOptions
  readonly #workers: WorkerHandle[] = []
  readonly #pausedUntil = new Float64Array(new SharedArrayBuffer(8))
  readonly #lastRetry = new Float64Array(new SharedArrayBuffer(8))
  readonly #status = new Map<string, TaskStatus>()
  #cancelPoll: (() => void) | null = null
  #isClosing = false

  constructor(options: WorkerHostOptions) {
    this.#options = options
  }

  /** Whoever gives tasks to this process has them stand still until a worker runs them: none is taken before all
   * workers have loaded what they run. */
  async open(): Promise<void> {
    for (let index = 0; index < this.#options.workers.count; index += 1) {
      this.#workers.push(this.#spawn(index))
    }
    await Promise.all(this.#workers.map(({ rpc }) => rpc.request('open', { body: null })))
    this.#poll()
  }

  #spawn(index: number): WorkerHandle {
    const { workers, state, clock, limits, partitionCounts, groupOf, stateKeeper } = this.#options
    const log = encodedLog(this.#options.log)
    const setup: WorkerSetup = {
      index,
      topologyModules: workers.topologyModules,
      codecsModule: workers.codecsModule ?? new URL('avro-codecs.ts', import.meta.url).href,
      limits,
      partitionCounts: partitionCounts.entries(),
      stateCacheBytesMax: Math.floor(this.#options.stateCacheBytesMax / workers.count),
      sharesState: log.sharesState,
      batchFormat: log.batchFormat,
      pausedUntil: this.#pausedUntil.buffer,
      lastRetry: this.#lastRetry.buffer,
    }
    const worker = new Worker(new URL('worker-main.ts', import.meta.url), { workerData: setup })
    const services = new MainServices({
      log,
      state,
      stateKeeper,
      registry: workers.registry,
      clock,
      groupOf,
      refreshPause: () => {
        this.#pausedUntil[0] = this.#options.pausedUntil() ?? 0
      },
    })
    const rpc = new Rpc(worker as unknown as ConstructorParameters<typeof Rpc>[0], {
      ...services.handlers(),
      failed: (error: Parameters<typeof fromBody>[0]) => {
        this.#options.onFailure(fromBody(error))
        return Promise.resolve({ body: null })
      },
    })
    const end = (why: string, cause?: unknown) => {
      const failure = new TidemarkError('PROCESSING_FAILED', `worker ${index} ${why}`, { cause })
      rpc.fail(failure)
      if (!this.#isClosing) this.#options.onFailure(failure)
    }
    worker.on('error', (error) => {
      end(`has failed: ${messageOf(error)}`, error)
    })
    worker.on('exit', (code) => {
      end(`has ended with exit code ${code}`)
    })
    return { index, worker, rpc, services, ids: new Set() }
  }

  async start(plans: readonly TaskPlan[]): Promise<void> {
    const shares = new Map<WorkerHandle, TaskPlan[]>()
    for (const plan of plans) {
      const worker = this.#leastLoaded()
      worker.ids.add(plan.id)
      const share = shares.get(worker)
      if (share === undefined) shares.set(worker, [plan])
      else share.push(plan)
    }
    await Promise.all(
      [...shares].map(async ([{ rpc }, share]) => {
        await rpc.request('start', { body: { plans: share } })
        this.#note(await rpc.request<StatusBody>('status', { body: null }))
      }),
    )
  }

  /** Plans come sub-topology by sub-topology, so each one's partitions are spread over the workers. */
  #leastLoaded(): WorkerHandle {
    return this.#workers.reduce((least, worker) =>
      worker.ids.size < least.ids.size ? worker : least,
    )
  }

  async stop(ids?: readonly string[]): Promise<readonly TaskStatus[]> {
    const stopped = await Promise.all(
      this.#workers.map(async (worker) => {
        const own = [...worker.ids].filter((id) => ids?.includes(id) ?? true)
        for (const id of own) worker.ids.delete(id)
        if (own.length === 0) return []
        try {
          const last = await worker.rpc.request<StatusBody>('stop', { body: { ids: own } })
          this.#end(last)
          return last.tasks
        } catch (thrown) {
          this.#options.onFailure(thrown)
          return []
        }
      }),
    )
    return stopped.flat()
  }

  async drop(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const own = ids.filter((id) => worker.ids.delete(id))
        if (own.length === 0) return
        this.#end(await worker.rpc.request<StatusBody>('drop', { body: { ids: own } }))
      }),
    )
  }

  status(): readonly TaskStatus[] {
    return [...this.#status.values()]
  }

  async refresh(): Promise<void> {
    await Promise.all(
      this.#workers.map(async ({ rpc }) => {
        this.#note(await rpc.request<StatusBody>('status', { body: null }))
      }),
    )
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#cancelPoll?.()
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()))
    for (const { services } of this.#workers) await services.close()
    this.#workers.length = 0
  }

  #end({ tasks }: StatusBody): void {
    for (const last of tasks) {
      this.#status.delete(last.id)
      this.#options.onEnded(last)
    }
  }

  #note({ tasks }: StatusBody): void {
    for (const task of tasks) this.#status.set(task.id, task)
  }

  #poll(): void {
    this.#cancelPoll = this.#options.clock.after(statusIntervalMs, () => {
      this.#lastRetry[0] = this.#options.log.lastRetryMs ?? 0
      // A worker that cannot answer has told its failure otherwise.
      this.refresh().catch(() => undefined)
      if (!this.#isClosing) this.#poll()
    })
  }
}
