import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runJob } from '../../cli/run-job.ts'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Job } from '../../jobs/job.ts'
import { JobRunner } from '../../jobs/runs/job-runner.ts'
import type { RunOutcome, RunRecorder } from '../../jobs/runs/run-recorder.ts'
import { jobsApp } from './jobs-app.ts'

class ListedRuns {
  readonly ended: [string, RunOutcome][] = []
  #last = 0
  readonly #open = new Set<string>()

  begin(): Promise<string> {
    this.#last += 1
    this.#open.add(`run-${this.#last}`)
    return Promise.resolve(`run-${this.#last}`)
  }

  isOpen(id: string): boolean {
    return this.#open.has(id)
  }

  end(id: string, outcome: RunOutcome): Promise<void> {
    this.#open.delete(id)
    this.ended.push([id, outcome])
    return Promise.resolve()
  }

  async record(_: string, _request: unknown, _signal: unknown, work: (id: string) => unknown) {
    return await work(await this.begin())
  }
}

function doorOf(run: Job['run']) {
  const listed = new ListedRuns()
  const runs = listed as unknown as RunRecorder
  const parse = (request: unknown) => {
    if ((request as { bad?: boolean }).bad === true) {
      throw new TidemarkError('REQUEST_INVALID', 'bad is bad')
    }
    return request
  }
  const jobs = new JobRunner({
    jobs: [{ name: 'tidy', parse, run }],
    schedule: [],
    recorder: runs,
    clock: systemClock,
    onProgress: () => {},
  })
  const app = jobsApp({ jobs, runs })
  const console = async (path: string, init?: RequestInit) => app.request(path, init)
  return { console, jobs, listed }
}

const headers = { 'content-type': 'application/json' }
const post = (body: string) => ({ method: 'POST', headers, body })
const listener = () => ({ onProgress: () => {}, signal: new AbortController().signal })

test('a job tells how far it is, and what has come of it', async () => {
  const { console } = doorOf(async (_, { onProgress }) => {
    for (const done of [1, 2]) {
      await Promise.resolve()
      onProgress({ text: 'shelves', done, total: 2 })
    }
    return { tidied: 2 }
  })
  const response = await console('/api/jobs/tidy', post('{}'))
  assert.match(response.headers.get('content-type') ?? '', /^application\/x-ndjson/)
  const lines = (await response.text()).trimEnd().split('\n')
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), { result: { tidied: 2 }, run_id: 'run-1' })
  const told: number[] = []
  const onProgress = ({ done }: { done: number }) => told.push(done)
  const outcome = await runJob({ console }, 'tidy', {}, { ...listener(), onProgress })
  assert.deepEqual(outcome, { runId: 'run-2', result: { tidied: 2 } })
})

test('what a job fails with comes to its caller under its code', async () => {
  const { console } = doorOf(() => Promise.reject(new TidemarkError('QUERY_FAILED', 'no table')))
  await assert.rejects(
    runJob({ console }, 'tidy', {}, listener()),
    (thrown: unknown) =>
      thrown instanceof TidemarkError &&
      thrown.code === 'QUERY_FAILED' &&
      thrown.message === 'no table',
  )
})

test('an unknown job is 404 and names those there are; a wrong request is 400, a second run 409', async () => {
  const goOn = Promise.withResolvers<object>()
  const { console } = doorOf(() => goOn.promise)
  const answers = async (path: string, init: RequestInit) => {
    const response = await console(path, init)
    return [response.status, ((await response.json()) as { error: string }).error]
  }
  assert.deepEqual(await answers('/api/jobs/paint', post('{}')), [
    404,
    'there is no job paint; there are tidy',
  ])
  assert.deepEqual(await answers('/api/jobs/tidy', post('{"bad":true}')), [400, 'bad is bad'])
  assert.equal((await console('/api/jobs/tidy', post('{'))).status, 400)
  const plain = { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } }
  assert.equal((await console('/api/jobs/tidy', plain)).status, 400)
  const first = await console('/api/jobs/tidy', post('{}'))
  const [status, why] = await answers('/api/jobs/tidy', post('{}'))
  assert.equal(status, 409)
  assert.match(String(why), /a run of tidy is under way/)
  goOn.resolve({})
  assert.match(await first.text(), /"result":\{\}/)
})

test('who hangs up interrupts the run', async () => {
  const interrupted = Promise.withResolvers<undefined>()
  const begun = Promise.withResolvers<undefined>()
  const { console } = doorOf(async (_, { signal }) => {
    signal.addEventListener('abort', () => {
      interrupted.resolve(undefined)
    })
    begun.resolve(undefined)
    await interrupted.promise
    return {}
  })
  const hangUp = new AbortController()
  const running = runJob({ console }, 'tidy', {}, { ...listener(), signal: hangUp.signal })
  await begun.promise
  hangUp.abort()
  await assert.rejects(running, /JOB_INTERRUPTED|was interrupted/)
  await interrupted.promise
})

test('what a command does by itself is recorded with its outcome, once', async () => {
  const { console, listed } = doorOf(() => Promise.resolve({}))
  const begun = await console('/api/runs', post('{"job":"import.oulad","request":{}}'))
  assert.deepEqual([begun.status, await begun.json()], [201, { run_id: 'run-1' }])
  const end = () => console('/api/runs/run-1', post('{"state":"succeeded","result":{"taken":3}}'))
  assert.equal((await console('/api/runs/run-1', post('{"state":"running"}'))).status, 400)
  assert.equal((await end()).status, 200)
  assert.equal((await end()).status, 404)
  assert.deepEqual(listed.ended, [['run-1', { state: 'succeeded', result: { taken: 3 } }]])
})
