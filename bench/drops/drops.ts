/**
 * Files dropped into a folder, to queryable rows with the Parquet of each file written; ten times as many (`--times 100`: a
 * hundred, too) in the same memory; and beside it, on the same files in the same run, the ClickHouse engine by itself:
 * reading the CSV files, writing a Parquet file of each, and inserting their rows into a table. The old system took 10.90 s
 * for its 999 files.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measuredChild } from '../measured-child.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'
import type { EngineFigures } from './engine-run.ts'
import type { DropFigures } from './measured-run.ts'
import type { DropWork } from './workload.ts'

/** The first run ends before the heaps have grown to what they stay at: memory is compared from here on. */
const settledTimes = 10
/** Of the same memory: what is beyond it has grown with the number of files. */
const sameMemoryMax = 1.1

export async function runDrops({ size, times, log }: BenchOptions): Promise<Figures> {
  // Removed when all is done: a file system is slow to make files where many were just deleted.
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  try {
    return await measure(directory, size, times ?? settledTimes, log)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function measure(
  directory: string,
  size: number,
  times: number,
  log: (line: string) => void,
): Promise<Figures> {
  const ours = await drop(directory, size, log)
  const engine = await child<EngineFigures>('engine-run.ts', { directory, files: size })
  const engineSeconds = engine.parquetSeconds + engine.insertSeconds
  log(`the engine alone: ${hundredths(engineSeconds)} s for Parquet and rows`)
  const settled = times > settledTimes ? await drop(directory, size * settledTimes, log) : null
  const most = await drop(directory, size * times, log)
  return {
    files: size,
    rows: ours.rows,
    drop_seconds: hundredths(ours.seconds),
    processor_seconds: hundredths(ours.processorSeconds),
    rows_per_second: Math.round(ours.rows / ours.seconds),
    csv_bytes_per_file: ours.csvBytes,
    parquet_bytes_per_file: ours.parquetBytes,
    engine_read_seconds: hundredths(engine.readSeconds),
    engine_parquet_seconds: hundredths(engine.parquetSeconds),
    engine_insert_seconds: hundredths(engine.insertSeconds),
    engine_parquet_bytes_per_file: engine.parquetBytes,
    ratio_to_engine: hundredths(engineSeconds / ours.seconds),
    ...memoryOf(ours, ''),
    ...(settled === null ? {} : growth(ours, settled, settledTimes)),
    ...growth(ours, most, times),
    ...(settled === null ? {} : sameMemory(settled, most)),
  }
}

async function drop(
  directory: string,
  files: number,
  log: (line: string) => void,
): Promise<DropFigures> {
  const run = await child<DropFigures>('measured-run.ts', { directory, files })
  log(`${files} files: ${hundredths(run.seconds)} s, ${mebibytes(run.peakBytes)} MiB`)
  return run
}

function child<Measured>(script: string, work: DropWork): Promise<Measured> {
  return measuredChild<Measured>(new URL(script, import.meta.url), JSON.stringify(work))
}

function growth(ours: DropFigures, more: DropFigures, times: number): Figures {
  return {
    [`times_as_long_for_${times}_times`]: hundredths(more.seconds / ours.seconds),
    ...memoryOf(more, `_for_${times}_times`),
  }
}

function memoryOf({ peakBytes, countedPeakBytes }: DropFigures, suffix: string): Figures {
  return {
    [`peak_mib${suffix}`]: mebibytes(peakBytes),
    [`peak_mib_with_count${suffix}`]: mebibytes(countedPeakBytes),
  }
}

function sameMemory(settled: DropFigures, most: DropFigures): Figures {
  const ratio = most.peakBytes / settled.peakBytes
  return {
    [`peak_over_peak_for_${settledTimes}_times`]: hundredths(ratio),
    same_memory: ratio <= sameMemoryMax ? 'yes' : 'no',
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
