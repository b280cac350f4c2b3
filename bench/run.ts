/**
 * `npm run bench -- NAME [--json] [--records N] [--rounds N] [--times N]`: figures as ratios of two things measured in one run.
 */
import { parseArgs } from 'node:util'
import { runDrops } from './drops/drops.ts'
import { runEmbedded } from './embedded/embedded.ts'
import { runImport } from './import/import.ts'
import { runKafka } from './kafka/kafka.ts'
import { runRestore } from './kafka/restore.ts'
import { runInstances } from './kafka-instances/instances.ts'

interface Benchmark {
  readonly run: (options: BenchOptions) => Promise<Figures>
  /** Where none is asked for. */
  readonly size: number
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  embedded: { run: runEmbedded, size: 1_000_000 },
  kafka: { run: runKafka, size: 1_000_000 },
  drops: { run: runDrops, size: 999 },
  /** Clicks. */
  import: { run: runImport, size: 1_000_000 },
  restore: { run: runRestore, size: 5_000_000 },
  /** Rounds count here, not records. */
  instances: { run: runInstances, size: 0 },
}

export type Figures = Readonly<Record<string, number | string>>

export interface BenchOptions {
  /** How many records of the benchmark's kind. */
  readonly size: number
  /** How often each contender of a benchmark with several has its turn. */
  readonly rounds: number
  /** How many times the volume a benchmark of growth takes in its larger run; its own choice where none is asked for. */
  readonly times: number | null
  readonly log: (line: string) => void
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string' },
    size: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    times: { type: 'string' },
  },
})
const [name = ''] = positionals
const benchmark = benchmarks[name]
if (benchmark === undefined) {
  process.stderr.write(`which? ${Object.keys(benchmarks).join(', ')}\n`)
  process.exit(2)
}
const startMs = performance.now()
const figures = await benchmark.run({
  size: Number(values.records ?? values.size ?? benchmark.size),
  rounds: Number(values.rounds),
  times: values.times === undefined ? null : Number(values.times),
  log: (line) => process.stderr.write(`${line}\n`),
})
const all = { ...figures, seconds: (performance.now() - startMs) / 1000 }
if (values.json) process.stdout.write(`${JSON.stringify(all)}\n`)
else
  for (const [figure, value] of Object.entries(all))
    process.stdout.write(`${figure.padEnd(44)} ${value}\n`)
