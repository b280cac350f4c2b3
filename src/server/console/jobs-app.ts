/**
 * Jobs over HTTP, on the console's port. `POST /api/jobs/NAME` runs one and answers as it goes, a line of JSON each:
 * `{"progress":…}`, last `{"result":…,"run_id":…}` or `{"error":…,"code":…,"run_id":…}`. Who hangs up interrupts the run.
 * `POST /api/runs` and `POST /api/runs/ID` record what a command does by itself, as an import is.
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { JobProgress } from '../../jobs/job.ts'
import type { JobRunner } from '../../jobs/runs/job-runner.ts'
import type { RunOutcome, RunRecorder } from '../../jobs/runs/run-recorder.ts'

export interface JobsServices {
  readonly jobs: JobRunner
  readonly runs: RunRecorder
}

const bodyBytesMax = 1024 * 1024
/** Lines of progress that wait for a slow reader; further ones are left out. */
const waitingLinesMax = 16
const endStates: readonly unknown[] = ['succeeded', 'failed', 'interrupted']

export function jobsApp({ jobs, runs }: JobsServices): Hono {
  const app = new Hono()
  const bound = bodyLimit({ maxSize: bodyBytesMax })
  app.get('/api/jobs', (context) =>
    context.json({ jobs: jobs.names.map((name) => ({ name, running: jobs.isRunning(name) })) }),
  )
  app.post('/api/jobs/:name', bound, async (context) => {
    const request = await jsonOf(context)
    return ndjson(await answerOf(jobs, context.req.param('name'), request))
  })
  app.post('/api/runs', bound, async (context) => {
    const { job, request } = await jsonOf(context)
    if (typeof job !== 'string' || job === '') throw invalid('job must be a text')
    return context.json({ run_id: await runs.begin(job, request) }, 201)
  })
  app.post('/api/runs/:id', bound, async (context) => {
    const id = context.req.param('id')
    const outcome = outcomeOf(await jsonOf(context))
    if (!runs.isOpen(id)) return context.json({ error: `no run ${id} is open here` }, 404)
    await runs.end(id, outcome)
    return context.json({ run_id: id })
  })
  app.onError((thrown, context) => {
    const code = thrown instanceof TidemarkError ? { code: thrown.code } : {}
    return context.json({ error: messageOf(thrown), ...code }, statusOf(thrown))
  })
  return app
}

async function answerOf(
  jobs: JobRunner,
  name: string,
  request: unknown,
): Promise<ReadableStream<string>> {
  const hungUp = new AbortController()
  let lines: ReadableStreamDefaultController<string> | null = null
  const onProgress = (progress: JobProgress) => {
    if (lines !== null && (lines.desiredSize ?? 0) > 0) lines.enqueue(line({ progress }))
  }
  const { runId, outcome } = await jobs.start(name, request, { signal: hungUp.signal, onProgress })
  const last = outcome.then(
    (result) => ({ result, run_id: runId }),
    (thrown: unknown) => ({ ...errorOf(thrown), run_id: runId }),
  )
  const start = (controller: ReadableStreamDefaultController<string>) => {
    lines = controller
    void last.then((told) => {
      if (lines === null) return
      controller.enqueue(line(told))
      controller.close()
    })
  }
  const cancel = () => {
    lines = null
    hungUp.abort()
  }
  return new ReadableStream({ start, cancel }, { highWaterMark: waitingLinesMax })
}

function ndjson(text: ReadableStream<string>): Response {
  return new Response(text.pipeThrough(new TextEncoderStream()), {
    headers: { 'content-type': 'application/x-ndjson; charset=utf-8' },
  })
}

function line(json: object): string {
  return `${JSON.stringify(json)}\n`
}

function errorOf(thrown: unknown): object {
  const code = thrown instanceof TidemarkError ? { code: thrown.code } : {}
  return { error: messageOf(thrown), ...code }
}

/** A page of another site cannot send this type without asking first, and is then refused. */
async function jsonOf(context: Context): Promise<Readonly<Record<string, unknown>>> {
  if (!(context.req.header('content-type') ?? '').startsWith('application/json')) {
    throw invalid('send the request as application/json')
  }
  const json: unknown = await context.req.json()
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid('the body must be an object')
  }
  return json as Readonly<Record<string, unknown>>
}

function outcomeOf({ state, result, error }: Readonly<Record<string, unknown>>): RunOutcome {
  if (!endStates.includes(state)) throw invalid(`state must be one of ${endStates.join(', ')}`)
  return {
    state: state as RunOutcome['state'],
    ...(typeof result === 'object' && result !== null ? { result } : {}),
    ...(typeof error === 'string' ? { error } : {}),
  }
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message)
}

function statusOf(thrown: unknown): 400 | 404 | 409 | 500 | 503 {
  if (thrown instanceof SyntaxError) return 400
  if (!(thrown instanceof TidemarkError)) return 500
  if (thrown.code === 'JOB_UNKNOWN') return 404
  if (thrown.code === 'JOB_RUNNING') return 409
  return thrown.reaction === 'retry' ? 503 : 400
}
