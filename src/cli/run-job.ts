/** Runs a job of an instance over its console's door, and tells how far it is. */
import type { InstanceClient } from '../app/instance-client.ts'
import { errorTable, TidemarkError, type ErrorCode } from '../core/errors.ts'
import type { JobProgress } from '../jobs/job.ts'

export interface JobOutcome<Result> {
  readonly runId: string
  readonly result: Result
}

export interface JobListener {
  readonly onProgress: (progress: JobProgress) => void
  /** Aborted: the run is interrupted. */
  readonly signal: AbortSignal
}

interface Told {
  readonly progress?: JobProgress
  readonly result?: unknown
  readonly error?: string
  readonly code?: string
  readonly run_id?: string
}

/** @throws TidemarkError what the job has failed with; JOB_UNKNOWN | JOB_RUNNING | JOB_INTERRUPTED */
export async function runJob<Result>(
  client: Pick<InstanceClient, 'console'>,
  name: string,
  request: object,
  { onProgress, signal }: JobListener,
): Promise<JobOutcome<Result>> {
  const response = await postJson(client, `/api/jobs/${encodeURIComponent(name)}`, request)
  if (!response.ok || response.body === null) throw failureOf((await response.json()) as Told)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const hangUp = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', hangUp, { once: true })
  try {
    if (signal.aborted) hangUp()
    for await (const told of linesOf(reader)) {
      if (told.progress !== undefined) onProgress(told.progress)
      else if (told.error !== undefined) throw failureOf(told)
      else return { runId: told.run_id ?? '', result: told.result as Result }
    }
  } finally {
    signal.removeEventListener('abort', hangUp)
  }
  const why = signal.aborted ? 'was interrupted' : 'has not said how it ended'
  throw new TidemarkError('JOB_INTERRUPTED', `${name} ${why}; tidemark runs list shows it`)
}

export function postJson(
  client: Pick<InstanceClient, 'console'>,
  path: string,
  body: object,
): Promise<Response> {
  return client.console(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function* linesOf(reader: ReadableStreamDefaultReader<string>): AsyncGenerator<Told> {
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Told
  }
}

function failureOf({ error = 'no reason was given', code = '' }: Told): Error {
  return code in errorTable ? new TidemarkError(code as ErrorCode, error) : new Error(error)
}
