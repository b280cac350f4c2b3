/** What a benchmark is to `npm run bench`. */

/** By name. A ratio is called `ratio_to_PEER`. */
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

export interface Benchmark {
  /** For its help: what is measured, and against what. */
  readonly measures: string
  /** What it needs beside `npm ci`. */
  readonly needs?: string
  /** What `--records` counts, and how many where none is asked for; null where there is nothing to count. */
  readonly records: { readonly of: string; readonly count: number } | null
  /** Whether `--rounds` and `--times` say anything to it, and what. */
  readonly rounds?: string
  readonly times?: string
  /** Loaded only when it runs: the engines behind it are large. */
  readonly load: () => Promise<(options: BenchOptions) => Promise<Figures>>
}
