/**
 * A job: a named operation over the tables or the log that an instance runs when it is asked to (`POST /api/jobs/NAME`,
 * the command line) or by itself. It gets what it works on as options and knows nothing of HTTP or the command line.
 * Each of its runs is a row of `tidemark.runs`.
 */
export interface Job<Request = unknown, Result extends object = object> {
  /** `lake.write`, `quality.check`, … */
  readonly name: string
  /** @throws TidemarkError REQUEST_INVALID naming what is wrong and what is known */
  parse(request: unknown): Request
  /** Ends soon after the signal, whatever it was doing, and leaves nothing half done.
   * @returns plain data: it is kept as JSON */
  run(request: Request, context: JobContext): Promise<Result>
}

export interface JobContext {
  readonly signal: AbortSignal
  readonly onProgress: (progress: JobProgress) => void
}

export interface JobProgress {
  readonly text: string
  readonly done: number
  /** Of what `done` counts; null where that is not known. */
  readonly total: number | null
}

/** A job that runs by itself, for as long as its instance does. */
export interface ScheduledJob {
  readonly job: string
  readonly request: unknown
  /** From the end of one run to the start of the next; 0 is never. */
  readonly everyMs: number
  /** From the start of the instance to the first run; absent: `everyMs`. */
  readonly firstMs?: number
}
