/** `npm run bench -- NAME [--json] [options]`: figures as ratios of two things measured in one run. */
import { parseArgs } from 'node:util'
import { runEmbedded } from './embedded/embedded.ts'

const benchmarks: Readonly<Record<string, (options: BenchOptions) => Promise<Figures>>> = {
  embedded: runEmbedded,
}

export type Figures = Readonly<Record<string, number | string>>

export interface BenchOptions {
  /** How many records of the benchmark's kind. */
  readonly size: number
  readonly log: (line: string) => void
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: '1000000' },
  },
})
const [name = ''] = positionals
const benchmark = benchmarks[name]
if (benchmark === undefined) {
  process.stderr.write(`which? ${Object.keys(benchmarks).join(', ')}\n`)
  process.exit(2)
}
const startMs = performance.now()
const figures = await benchmark({
  size: Number(values.size),
  log: (line) => process.stderr.write(`${line}\n`),
})
const all = { ...figures, seconds: (performance.now() - startMs) / 1000 }
if (values.json) process.stdout.write(`${JSON.stringify(all)}\n`)
else
  for (const [figure, value] of Object.entries(all))
    process.stdout.write(`${figure.padEnd(44)} ${value}\n`)
