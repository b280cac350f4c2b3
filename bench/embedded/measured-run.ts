/** One run of the embedded benchmark in a process of its own; prints its figures as one line of JSON. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { engineRowsPerSecond, stateWritesPerSecond } from './ceilings.ts'
import { answerAt, questionsOf, testsOf } from './workload.ts'

interface RunRequest {
  readonly workers: number
  readonly answers: number
  /** Answers a second; 0 is as fast as the door takes them. */
  readonly rate: number
}

export interface RunFigures {
  readonly answersPerSecond: number
  readonly freshnessP50Ms: number
  readonly freshnessP99Ms: number
  readonly peakBytes: number
  readonly engineRowsPerSecond: number
  readonly stateWritesPerSecond: number
}

const request = JSON.parse(process.argv[2] ?? '{}') as RunRequest
const answersPerPost = 1000
/** Requests under way at once. */
const producers = 4
const idleMs = 600_000
const probeMs = 25

const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
try {
  const configuration = loadConfiguration({
    flags: { dataDir: directory, workers: request.workers, topologies: ['mcq'] },
    environment: {},
    directory,
  })
  const instance = await openInstance(configuration, { listen: false })
  try {
    process.stdout.write(`${JSON.stringify(await measure(instance))}\n`)
  } finally {
    await instance.stop()
  }
} finally {
  rmSync(directory, { recursive: true })
}

async function measure(instance: Instance): Promise<RunFigures> {
  for (let test = 0; test < testsOf(request.answers); test += 1) {
    await post(instance, 'questions', questionsOf(test))
  }
  await settle(instance)
  const probe = request.rate > 0 ? watchFreshness(instance) : null
  const startMs = performance.now()
  let next = 0
  const produce = async () => {
    while (next < request.answers) {
      const index = next
      next += answersPerPost
      await until(request.rate > 0 ? startMs + (index / request.rate) * 1000 : 0)
      const nowMs = Date.now()
      const count = Math.min(answersPerPost, request.answers - index)
      const answers = Array.from({ length: count }, (_, within) => answerAt(index + within, nowMs))
      await post(instance, 'answers', answers)
    }
  }
  await Promise.all(Array.from({ length: producers }, produce))
  await settle(instance)
  const seconds = (performance.now() - startMs) / 1000
  const freshness = (await probe?.stop()) ?? []
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const isFull = request.rate === 0
  return {
    answersPerSecond: request.answers / seconds,
    freshnessP50Ms: percentile(freshness, 0.5),
    freshnessP99Ms: percentile(freshness, 0.99),
    peakBytes,
    engineRowsPerSecond: isFull ? await engineRowsPerSecond(instance) : 0,
    stateWritesPerSecond: isFull ? await stateWritesPerSecond(instance, request.answers) : 0,
  }
}

async function post(instance: Instance, topic: string, values: readonly object[]): Promise<void> {
  for (;;) {
    const response = await instance.apps.ingest.request(`/topics/${topic}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: values.map((value) => JSON.stringify(value)).join('\n'),
    })
    const text = await response.text()
    if (response.ok) return
    if (response.status !== 429 && response.status !== 503) throw new Error(`${topic}: ${text}`)
    // The door asks to slow down: the benchmark obeys, as a producer would.
    await until(performance.now() + probeMs)
  }
}

async function settle(instance: Instance): Promise<void> {
  if (!(await instance.whenIdle(idleMs))) throw new Error('the facts did not become queryable')
}

/** Asks the engine again and again for the newest answer that can be queried. */
function watchFreshness(instance: Instance): { stop(): Promise<readonly number[]> } {
  const samples: number[] = []
  let isOver = false
  const run = async () => {
    let newestMs = 0
    while (!isOver) {
      const result = await instance.services.clickhouse.reader.query({
        query:
          'SELECT toUnixTimestamp64Milli(max(last_answer_time)) AS newest FROM mcq.question_interaction_fact_versions',
        format: 'JSONEachRow',
      })
      const [row] = await result.json<{ newest: string }>()
      const found = Number(row?.newest ?? 0)
      // A sample is the age of the newest queryable answer at the moment it is seen.
      if (found > newestMs) samples.push(Date.now() - found)
      newestMs = found
      await until(performance.now() + probeMs)
    }
  }
  const running = run()
  return {
    stop: async () => {
      isOver = true
      await running
      return samples
    },
  }
}

function until(dueMs: number): Promise<void> {
  const delayMs = dueMs - performance.now()
  return delayMs > 0 ? new Promise((resolve) => setTimeout(resolve, delayMs)) : Promise.resolve()
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
