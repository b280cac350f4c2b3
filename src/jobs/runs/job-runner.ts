/** Runs an instance's jobs: one run of a job at a time, each recorded, those with an interval by themselves. */
import { pause, type Clock } from '../../core/clock.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Job, JobProgress, ScheduledJob } from '../job.ts'
import type { RunRecorder } from './run-recorder.ts'

export interface JobRunnerOptions {
  readonly jobs: readonly Job[]
  readonly schedule: readonly ScheduledJob[]
  readonly recorder: RunRecorder
  readonly clock: Clock
  /** A line for the operator: what a run that nobody waits for has failed with. */
  readonly onProgress: (line: string) => void
}

export interface JobCall {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: JobProgress) => void
}

export interface StartedJob {
  readonly runId: string
  /** Rejects with what the job has failed with. */
  readonly outcome: Promise<object>
}

export class JobRunner {
  readonly #options: JobRunnerOptions
  readonly #jobs: ReadonlyMap<string, Job>
  readonly #running = new Map<string, Promise<unknown>>()
  readonly #stopping = new AbortController()
  #schedules: Promise<unknown> = Promise.resolve()

  constructor(options: JobRunnerOptions) {
    this.#options = options
    this.#jobs = new Map(options.jobs.map((job) => [job.name, job]))
  }

  get names(): readonly string[] {
    return [...this.#jobs.keys()]
  }

  isRunning(name: string): boolean {
    return this.#running.has(name)
  }

  /** Resolves when the run is recorded and has begun.
   * @throws TidemarkError JOB_UNKNOWN | JOB_RUNNING | REQUEST_INVALID */
  async start(name: string, request: unknown, call: JobCall = {}): Promise<StartedJob> {
    const job = this.#jobs.get(name)
    if (job === undefined) throw unknownJob(name, this.names)
    const parsed = job.parse(request)
    if (this.isRunning(name)) {
      throw new TidemarkError('JOB_RUNNING', `a run of ${name} is under way; wait until it ends`)
    }
    const begun = Promise.withResolvers<string>()
    const signal = AbortSignal.any([
      this.#stopping.signal,
      ...(call.signal === undefined ? [] : [call.signal]),
    ])
    const outcome = this.#options.recorder
      .record(name, request, signal, (runId) => {
        begun.resolve(runId)
        return job.run(parsed, { signal, onProgress: call.onProgress ?? (() => {}) })
      })
      .finally(() => this.#running.delete(name))
    this.#running.set(name, outcome)
    outcome.catch(begun.reject)
    return { runId: await begun.promise, outcome }
  }

  /** Runs what is scheduled from now on. */
  keepSchedule(): void {
    const due = this.#options.schedule.filter(({ everyMs }) => everyMs > 0)
    this.#schedules = Promise.all(due.map((scheduled) => this.#keep(scheduled)))
  }

  async #keep({ job, request, everyMs, firstMs = everyMs }: ScheduledJob): Promise<void> {
    const { clock, onProgress } = this.#options
    const { signal } = this.#stopping
    for (let waitMs = firstMs; ; waitMs = everyMs) {
      await pause(clock, waitMs, signal)
      if (signal.aborted) return
      // Somebody else runs it: that will do.
      if (this.isRunning(job)) continue
      try {
        await (
          await this.start(job, request)
        ).outcome
      } catch (thrown) {
        onProgress(`${job}: ${messageOf(thrown)}`)
      }
    }
  }

  /** Interrupts what runs, and waits until it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled([this.#schedules, ...this.#running.values()])
  }
}

function unknownJob(name: string, names: readonly string[]): TidemarkError {
  const known = names.length === 0 ? 'this instance has none' : `there are ${names.join(', ')}`
  return new TidemarkError('JOB_UNKNOWN', `there is no job ${name}; ${known}`)
}
