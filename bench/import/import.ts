/**
 * OULAD's clicks from their file to queryable facts (raw, clean, by page and day, by week, by student, by presentation),
 * with the freshness of clicks that come in meanwhile; and beside it, on the same file in the same run, the ClickHouse
 * engine by itself: reading the file and summing it into the same facts, once, with nothing kept current.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { environmentDefaults, nodeFlags } from '../../bin/node-flags.js'
import type { BenchOptions, Figures } from '../run.ts'
import type { EngineFigures } from './engine-run.ts'
import type { ImportFigures } from './measured-run.ts'

export async function runImport({ size, log }: BenchOptions): Promise<Figures> {
  const ours = await child<ImportFigures>('measured-run.ts', size)
  log(
    `${size} clicks: ${Math.round(size / ours.seconds)}/s; meanwhile fresh in p50 ${ours.freshnessP50Ms} ms, p99 ${ours.freshnessP99Ms} ms`,
  )
  const engine = await child<EngineFigures>('engine-run.ts', size)
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

/** A process of its own for each run, so that memory and compiled code start from nothing. */
async function child<Measured>(script: string, clicks: number): Promise<Measured> {
  const path = new URL(script, import.meta.url).pathname
  const run = spawn(process.execPath, [...nodeFlags, path, String(clicks)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...environmentDefaults, ...process.env },
  })
  let output = ''
  run.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(run, 'close')) as [number]
  const last = output.trim().split('\n').at(-1)
  if (code !== 0 || last === undefined) throw new Error(`a run ended with ${code}`)
  return JSON.parse(last) as Measured
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
