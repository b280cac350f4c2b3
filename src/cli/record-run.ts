/** Work that a command does by itself, recorded among the runs of its instance. */
import type { InstanceClient } from '../app/instance-client.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { postJson } from './run-job.ts'

export interface RecordedWork {
  readonly job: string
  readonly request: object
  readonly signal: AbortSignal
}

/** @throws what `work` throws, once that is recorded */
export async function recordRun<Result extends object>(
  client: InstanceClient,
  { job, request, signal }: RecordedWork,
  work: () => Promise<Result>,
): Promise<Result> {
  const begun = await accepted(await postJson(client, '/api/runs', { job, request }))
  const { run_id: runId } = (await begun.json()) as { run_id: string }
  const end = (outcome: object) => postJson(client, `/api/runs/${runId}`, outcome)
  let result: Result
  try {
    result = await work()
  } catch (thrown) {
    const state = signal.aborted ? 'interrupted' : 'failed'
    // What stood in the way counts, not that it cannot be recorded either.
    await end({ state, error: messageOf(thrown) }).catch(() => {})
    throw thrown
  }
  await accepted(await end({ state: signal.aborted ? 'interrupted' : 'succeeded', result }))
  return result
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response
  throw new TidemarkError('REQUEST_INVALID', `the run is not recorded: ${await response.text()}`)
}
