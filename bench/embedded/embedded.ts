/**
 * The embedded instance end to end: answers as NDJSON through the ingest door to queryable facts, at 1 and at 2
 * workers; the freshness of facts at half that rate; peak memory. In the same run, and on the same machine, the
 * ceilings: the engine inserting the same rows, and RocksDB writing the same state.
 */
import { measuredChild } from '../measured-child.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'
import type { RunFigures } from './measured-run.ts'

const pacedSeconds = 20

export async function runEmbedded({ size, log }: BenchOptions): Promise<Figures> {
  const figures: Record<string, number> = { answers: size }
  for (const workers of [1, 2]) {
    const full = await child({ workers, answers: size, rate: 0 })
    log(
      `workers ${workers}: ${Math.round(full.answersPerSecond)} answers/s, ${mib(full.peakBytes)} MiB`,
    )
    const rate = full.answersPerSecond / 2
    const paced = await child({ workers, answers: Math.round(rate * pacedSeconds), rate })
    log(
      `workers ${workers}: at half of that, p50 ${paced.freshnessP50Ms} ms, p99 ${paced.freshnessP99Ms} ms`,
    )
    figures[`answers_per_second_${workers}`] = Math.round(full.answersPerSecond)
    figures[`peak_mib_${workers}`] = mib(full.peakBytes)
    figures[`half_rate_${workers}`] = Math.round(rate)
    figures[`freshness_p50_ms_${workers}`] = paced.freshnessP50Ms
    figures[`freshness_p99_ms_${workers}`] = paced.freshnessP99Ms
    figures[`engine_rows_per_second_${workers}`] = Math.round(full.engineRowsPerSecond)
    figures[`state_writes_per_second_${workers}`] = Math.round(full.stateWritesPerSecond)
    figures[`ratio_to_engine_${workers}`] = ratio(full.answersPerSecond, full.engineRowsPerSecond)
    figures[`ratio_to_rocksdb_${workers}`] = ratio(full.answersPerSecond, full.stateWritesPerSecond)
  }
  const best = Math.max(figures['ratio_to_engine_1'] ?? 0, figures['ratio_to_engine_2'] ?? 0)
  return { ...figures, ratio_to_engine: best }
}

function child(request: { workers: number; answers: number; rate: number }): Promise<RunFigures> {
  return measuredChild(new URL('measured-run.ts', import.meta.url), JSON.stringify(request))
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 1000) / 1000
}
