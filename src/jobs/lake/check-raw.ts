/** Whether raw data has each offset once, and all that the log still has. */
import { parquetRead } from 'hyparquet'
import type { Offset, TopicPartition } from '../../core/record.ts'
import { decompressors } from '../../sinks/lake/lake-file.ts'
import type { CheckedFile } from './check-files.ts'
import type { LakeRun, LakeTopic } from './lake-options.ts'
import { dayOf } from './places.ts'
import { rangeOf } from './write-topic.ts'

/** Of one file and one partition, or of several that lie together. */
interface Run {
  readonly file: string
  readonly partition: number
  readonly first: number
  last: number
  /** Of them, how many the log still has. */
  inLog: number
}

export interface CheckedOffsets {
  readonly faults: readonly string[]
  /** By partition: rows whose offset the log still has. */
  readonly inLog: ReadonlyMap<number, number>
}

const rowsPerRead = 50_000

/** @param logStart of each partition */
export async function checkOffsets(
  files: readonly CheckedFile[],
  logStart: ReadonlyMap<number, number>,
): Promise<CheckedOffsets> {
  const faults: string[] = []
  const runs: Run[] = []
  for (const file of files) runs.push(...(await runsOf(file, logStart, faults)))
  const inLog = new Map<number, number>()
  const lastOf = new Map<number, Run>()
  for (const run of runs.sort((a, b) => a.first - b.first)) {
    const before = lastOf.get(run.partition)
    if (before !== undefined && before.last >= run.first) {
      faults.push(
        `${run.file}: has offset ${run.first} of partition ${run.partition}, which lies within ${before.file}, too`,
      )
    }
    lastOf.set(run.partition, run)
    inLog.set(run.partition, (inLog.get(run.partition) ?? 0) + run.inLog)
  }
  return { faults, inLog }
}

/** Within a file the offsets of a partition grow, so that first and last tell which it has. */
async function runsOf(
  { entry, buffer, metadata }: CheckedFile,
  logStart: ReadonlyMap<number, number>,
  faults: string[],
): Promise<readonly Run[]> {
  const runs = new Map<number, Run>()
  for (let rowStart = 0; rowStart < entry.rows; rowStart += rowsPerRead) {
    await parquetRead({
      file: buffer,
      metadata,
      columns: ['partition', 'offset'],
      rowStart,
      rowEnd: Math.min(entry.rows, rowStart + rowsPerRead),
      compressors: decompressors,
      onComplete: (rows) => {
        for (const row of rows) {
          const [partition, offset] = [Number(row[0]), Number(row[1])]
          const [from, to] = rangeOf(entry.offsets, partition) ?? [0, 0]
          const run = runs.get(partition)
          const isNext = run === undefined || run.last < offset
          if (!isNext || offset < from || offset >= to) {
            faults.push(`${entry.file}: offset ${offset} of partition ${partition} is out of place`)
          }
          const inLog = offset >= (logStart.get(partition) ?? 0) ? 1 : 0
          if (run === undefined) {
            const one = { first: offset, last: offset, inLog }
            runs.set(partition, { file: entry.file, partition, ...one })
          } else {
            run.last = offset
            run.inLog += inLog
          }
        }
      },
    })
  }
  return [...runs.values()]
}

/** What the log has of the days, before the offsets that the lake has come to. */
export async function countLog(
  { log, signal }: Pick<LakeRun, 'log' | 'signal'>,
  { definition }: LakeTopic,
  offsets: Readonly<Record<string, number>>,
  days: ReadonlySet<string>,
): Promise<{ starts: ReadonlyMap<number, number>; counts: ReadonlyMap<string, number> }> {
  const starts = new Map<number, number>()
  const counts = new Map<string, number>()
  for (const { partitions } of await log.describeTopics([definition.name])) {
    for (const { partition, logStartOffset } of partitions) {
      starts.set(partition, logStartOffset)
      const at = { topic: definition.name, partition }
      const end = offsets[String(partition)] ?? 0
      for (let position: number = logStartOffset; position < end;) {
        signal.throwIfAborted()
        const found = await fetchOne(log, at, position, signal)
        for (const { offset, timestampMs } of found?.records ?? []) {
          const day = dayOf(timestampMs)
          if (offset >= end || !days.has(day)) continue
          const id = countId(day, partition)
          counts.set(id, (counts.get(id) ?? 0) + 1)
        }
        position = Math.max(position, found?.nextOffset ?? position)
      }
    }
  }
  return { starts, counts }
}

export function countId(day: string, partition: number): string {
  return `${day} ${partition}`
}

async function fetchOne(
  log: LakeRun['log'],
  at: TopicPartition,
  position: number,
  signal: AbortSignal,
) {
  const [found] = await log.fetch({
    partitions: [{ ...at, offset: position as Offset }],
    bytesMax: 4 * 1024 * 1024,
    bytesPerPartitionMax: 4 * 1024 * 1024,
    waitMaxMs: 500,
    isolation: 'read_committed',
    signal,
  })
  return found
}
