/**
 * Files dropped into a folder, to queryable rows with the Parquet of each file written; ten times as many (`--times 100`: a
 * hundred) in the same memory; and beside it, on the same files in the same run, the ClickHouse engine by itself: reading the CSV files, writing
 * a Parquet file of each, and inserting their rows into a table. The old system took 10.90 s for its 999 files.
 */
import { measuredChild } from '../measured-child.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'
import type { EngineFigures } from './engine-run.ts'
import type { DropFigures } from './measured-run.ts'

const moreTimesDefault = 10

export async function runDrops({ size, times, log }: BenchOptions): Promise<Figures> {
  const moreTimes = times ?? moreTimesDefault
  const ours = await measuredChild<DropFigures>(
    new URL('measured-run.ts', import.meta.url),
    String(size),
  )
  log(`${size} files: ${seconds(ours.seconds)} s, ${mebibytes(ours.peakBytes)} MiB`)
  const engine = await measuredChild<EngineFigures>(
    new URL('engine-run.ts', import.meta.url),
    String(size),
  )
  const engineSeconds = engine.parquetSeconds + engine.insertSeconds
  log(`the engine alone: ${seconds(engineSeconds)} s for Parquet and rows`)
  const more = await measuredChild<DropFigures>(
    new URL('measured-run.ts', import.meta.url),
    String(size * moreTimes),
  )
  log(`${size * moreTimes} files: ${seconds(more.seconds)} s, ${mebibytes(more.peakBytes)} MiB`)
  return {
    files: size,
    rows: ours.rows,
    drop_seconds: seconds(ours.seconds),
    processor_seconds: seconds(ours.processorSeconds),
    rows_per_second: Math.round(ours.rows / ours.seconds),
    csv_bytes_per_file: ours.csvBytes,
    parquet_bytes_per_file: ours.parquetBytes,
    peak_mib: mebibytes(ours.peakBytes),
    engine_read_seconds: seconds(engine.readSeconds),
    engine_parquet_seconds: seconds(engine.parquetSeconds),
    engine_insert_seconds: seconds(engine.insertSeconds),
    engine_parquet_bytes_per_file: engine.parquetBytes,
    ratio_to_engine: ratio(engineSeconds, ours.seconds),
    [`times_as_long_for_${moreTimes}_times`]: ratio(more.seconds, ours.seconds),
    [`peak_mib_for_${moreTimes}_times`]: mebibytes(more.peakBytes),
  }
}

function seconds(value: number): number {
  return Math.round(value * 100) / 100
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100
}
