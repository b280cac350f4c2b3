/**
 * OULAD's clicks from their file to queryable facts (raw, clean, by page and day, by week, by student, by presentation),
 * with the freshness of clicks that come in meanwhile; and beside it, on the same file in the same run, the ClickHouse
 * engine by itself: reading the file and summing it into the same facts, once, with nothing kept current.
 */
import { measuredChild } from '../measured-child.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'
import type { EngineFigures } from './engine-run.ts'
import type { ImportFigures } from './measured-run.ts'

export async function runImport({ size, log }: BenchOptions): Promise<Figures> {
  const ours = await measuredChild<ImportFigures>(
    new URL('measured-run.ts', import.meta.url),
    String(size),
  )
  log(
    `${size} clicks: ${Math.round(size / ours.seconds)}/s; meanwhile fresh in p50 ${ours.freshnessP50Ms} ms, p99 ${ours.freshnessP99Ms} ms`,
  )
  const engine = await measuredChild<EngineFigures>(
    new URL('engine-run.ts', import.meta.url),
    String(size),
  )
  log(`the engine alone: ${rounded(engine.factsSeconds, 3)} s for the facts`)
  if (engine.facts !== ours.facts) throw new Error(`${engine.facts} facts, ours ${ours.facts}`)
  return {
    clicks: size,
    facts: ours.facts,
    csv_mib: rounded(ours.csvBytes / 1024 / 1024, 1),
    import_seconds: rounded(ours.seconds, 2),
    durable_seconds: rounded(ours.durableSeconds, 2),
    processor_seconds: rounded(ours.processorSeconds, 2),
    clicks_per_second: Math.round(size / ours.seconds),
    freshness_p50_ms: ours.freshnessP50Ms,
    freshness_p99_ms: ours.freshnessP99Ms,
    freshness_samples: ours.freshnessSamples,
    peak_mib: Math.round(ours.peakBytes / 1024 / 1024),
    engine_facts_seconds: rounded(engine.factsSeconds, 3),
    engine_all_seconds: rounded(engine.allSeconds, 3),
    engine_clicks_per_second: Math.round(size / engine.factsSeconds),
    ratio_to_engine: rounded(engine.factsSeconds / ours.seconds, 4),
    ratio_to_engine_all_tables: rounded(engine.allSeconds / ours.seconds, 4),
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
