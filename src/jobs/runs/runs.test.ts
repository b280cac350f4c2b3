import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock, type Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { MemoryStorage } from '../../log/memory/memory-storage.ts'
import { StoredLog } from '../../log/stored-log.ts'
import { openAvroCodec } from '../../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { MemorySink } from '../../sinks/memory/memory-sink.test-support.ts'
import type { Job, ScheduledJob } from '../job.ts'
import { JobRunner } from './job-runner.ts'
import { RunRecorder } from './run-recorder.ts'
import { runsFact, type RunEntry } from './runs-fact.ts'

const { topic, database, table, keyColumns } = runsFact

async function opened(clock: Clock = systemClock) {
  const log = await StoredLog.open(new MemoryStorage(), { clock })
  const { name, cleanupPolicy, retentionMs } = topic
  await log.createTopics([{ name, partitionCount: 1, cleanupPolicy, retentionMs }])
  const codec = await openAvroCodec<RunEntry>({
    topic: name,
    schema: topic.schema,
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
  })
  const sink = new MemorySink([{ table: { database, table }, keyColumns }])
  const instance = (called: string) =>
    new RunRecorder({ log, sink, clock, codec, epoch: 1, instance: called })
  const rows = () => sink.rows({ database, table }) as unknown as RunEntry[]
  return { instance, rows, sink }
}

function runnerOf(
  recorder: RunRecorder,
  job: Partial<Job>,
  schedule: readonly ScheduledJob[] = [],
) {
  const whole: Job = {
    name: 'tidy',
    parse: (request) => request,
    run: () => Promise.resolve({}),
    ...job,
  }
  const lines: string[] = []
  const onProgress = (line: string) => lines.push(line)
  const parts = { jobs: [whole], schedule, recorder, clock: systemClock, onProgress }
  return { runner: new JobRunner(parts), lines }
}

const codeOf = (code: string) => (thrown: unknown) =>
  thrown instanceof TidemarkError && thrown.code === code

test('a run is there while it runs, and then with what has come of it', async () => {
  const clock = new ManualClock(1_000)
  const { instance, rows } = await opened(clock)
  const goOn = Promise.withResolvers<object>()
  const { runner } = runnerOf(instance('a'), { run: () => goOn.promise })
  const { runId, outcome } = await runner.start('tidy', { shelf: 3 })
  const [running] = rows()
  assert.deepEqual(
    [running?.run_id, running?.job, running?.request, running?.state, running?.finished_at],
    [runId, 'tidy', '{"shelf":3}', 'running', null],
  )
  clock.advance(500)
  goOn.resolve({ tidied: 7 })
  assert.deepEqual(await outcome, { tidied: 7 })
  const [done, ...others] = rows()
  assert.deepEqual(others, [])
  assert.deepEqual(
    [done?.state, done?.started_at, done?.finished_at, done?.result, done?.error],
    ['succeeded', 1_000, 1_500, '{"tidied":7}', null],
  )
})

test('what a run has failed with is kept, and told to who waits for it', async () => {
  const { instance, rows } = await opened()
  const { runner } = runnerOf(instance('a'), { run: () => Promise.reject(new Error('no shelf')) })
  const { outcome } = await runner.start('tidy', {})
  await assert.rejects(outcome, /no shelf/)
  assert.deepEqual([rows()[0]?.state, rows()[0]?.error], ['failed', 'no shelf'])
})

test('a run goes on where ClickHouse has lost its table: the row comes from the topic', async () => {
  const { instance, rows, sink } = await opened()
  const recorder = instance('a')
  sink.lose({ database, table })
  const runId = await recorder.begin('tidy', {})
  await sink.setup()
  assert.deepEqual(rows(), [])
  await recorder.end(runId, { state: 'succeeded' })
  assert.equal(rows()[0]?.state, 'succeeded')
})

test('one run of a job at a time; of a job that is unknown, or asked wrongly, there is no run', async () => {
  const { instance, rows } = await opened()
  const goOn = Promise.withResolvers<object>()
  const parse = (request: unknown) => {
    if (request !== 'well') throw new TidemarkError('REQUEST_INVALID', 'say well')
    return request
  }
  const { runner } = runnerOf(instance('a'), { parse, run: () => goOn.promise })
  await assert.rejects(runner.start('paint', {}), codeOf('JOB_UNKNOWN'))
  await assert.rejects(runner.start('tidy', 'badly'), codeOf('REQUEST_INVALID'))
  assert.deepEqual(rows(), [])
  const first = await runner.start('tidy', 'well')
  await assert.rejects(runner.start('tidy', 'well'), codeOf('JOB_RUNNING'))
  goOn.resolve({})
  await first.outcome
  await (
    await runner.start('tidy', 'well')
  ).outcome
  assert.equal(rows().length, 2)
})

test('whoever watches is told of each end, with the whole result', async () => {
  const { instance } = await opened()
  const recorder = instance('a')
  const ends: unknown[] = []
  recorder.watch(({ job, state, result, error }) => ends.push([job, state, result, error]))
  const text = 'x'.repeat(100_000)
  const never = new AbortController().signal
  await recorder.record('good', {}, never, () => Promise.resolve({ text }))
  await assert.rejects(recorder.record('bad', {}, never, () => Promise.reject(new Error('no'))))
  assert.deepEqual(ends, [
    ['good', 'succeeded', { text }, undefined],
    ['bad', 'failed', undefined, 'no'],
  ])
})

test('a stop interrupts what runs, and waits for its end', async () => {
  const { instance, rows } = await opened()
  const { runner } = runnerOf(instance('a'), {
    run: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('put down'))
        })
      }),
  })
  const { outcome } = await runner.start('tidy', {})
  outcome.catch(() => {})
  await runner.stop()
  assert.deepEqual([rows()[0]?.state, rows()[0]?.error], ['interrupted', 'put down'])
})

test('a run that its instance left is told as interrupted by that instance alone', async () => {
  const { instance, rows } = await opened()
  await instance('a').begin('tidy', {})
  const ended = instance('a')
  await ended.end(await ended.begin('tidy', {}), { state: 'succeeded', result: {} })
  await instance('b').begin('tidy', {})
  const again = instance('a')
  const open = await again.begin('tidy', {})
  assert.equal(await again.tellInterrupted(), 1)
  assert.equal(await instance('c').tellInterrupted(), 0)
  const states = rows().map(({ run_id: id, state }) => (id === open ? `open ${state}` : state))
  assert.deepEqual(states, ['interrupted', 'succeeded', 'running', 'open running'])
})

test('what is scheduled runs again and again, whatever it fails with', async () => {
  const { instance, rows } = await opened()
  const third = Promise.withResolvers<undefined>()
  let runs = 0
  const run = () => {
    runs += 1
    if (runs === 3) third.resolve(undefined)
    return runs === 2 ? Promise.reject(new Error('once')) : Promise.resolve({})
  }
  const schedule = [{ job: 'tidy', request: {}, everyMs: 1 }]
  const { runner, lines } = runnerOf(instance('a'), { run }, schedule)
  runner.keepSchedule()
  await third.promise
  await runner.stop()
  assert.deepEqual(
    rows()
      .slice(0, 2)
      .map(({ state }) => state),
    ['succeeded', 'failed'],
  )
  assert.deepEqual(lines, ['tidy: once'])
})

test('a long request is cut, and says so', async () => {
  const { instance, rows } = await opened()
  await instance('a').begin('ingest', { files: 'x'.repeat(100_000) })
  const request = JSON.parse(rows()[0]?.request ?? '') as { cut_after: number; text: string }
  assert.equal(request.cut_after, 65_536)
  assert.ok(request.text.startsWith('{"files":"xxx'))
})
