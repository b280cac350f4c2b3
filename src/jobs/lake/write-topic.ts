/**
 * The records of a topic by the day of their timestamp, each offset once.
 *
 *  1. A slice of the log, from where the last one ended, becomes a file or more in each day that it has records of. The days'
 *     metadata name them with the offsets that were looked through; then the index names where the next slice begins.
 *  2. A record's day follows from the record alone. After a crash between days, or before the index, the slice is read
 *     again, and a day that covers an offset already leaves it out.
 *  3. Only what is committed is read, up to where the log ended when the write began.
 */
import { TidemarkError } from '../../core/errors.ts'
import type { ConsumerRecord, Offset, TopicPartition } from '../../core/record.ts'
import type { FetchedPartition, PartitionDescription } from '../../log/log.ts'
import { DayFiles } from '../../sinks/lake/day-files.ts'
import { changeDay, listDays, type ListedDays } from './day-changes.ts'
import { timeExtent, type Span } from './day-totals.ts'
import type { LakeTopic, WritingRun } from './lake-options.ts'
import {
  fileEntry,
  indexedDay,
  writeIndex,
  type DatasetIndex,
  type DayMetadata,
  type FileEntry,
  type OffsetRanges,
} from './metadata.ts'
import { dayOf, firstDayKept } from './places.ts'
import { addRecord, emptyValues, rawColumns } from './raw-records.ts'
import { readDay, topicIndex } from './topic-index.ts'
import { nothingWritten, type DatasetWritten } from './written.ts'

/** Records of one slice, or some more: how much is read again after a crash. */
const sliceRecords = 500_000
const fetchBytesMax = 4 * 1024 * 1024
const fetchPartitionBytesMax = 1024 * 1024

interface Reading extends TopicPartition {
  readonly from: number
  position: number
  readonly end: number
}

/** @throws TidemarkError LAKE_BUSY | LAKE_UNREACHABLE | LAKE_REFUSED | LAKE_DAMAGED | DISK_FULL | KAFKA_UNREACHABLE */
export async function writeTopic(run: WritingRun, topic: LakeTopic): Promise<DatasetWritten> {
  const written = nothingWritten(topic)
  const listed = await listDays(run, topic)
  let index = await topicIndex(run, topic, listed)
  const [described] = await run.log.describeTopics([topic.definition.name])
  const partitions = described?.partitions ?? []
  for (;;) {
    const readings = partitions.flatMap((at) => readingOf(topic, at, index) ?? [])
    if (readings.length === 0) return written
    for (const { from, partition } of readings) {
      written.records_missed += from - (index.offsets[String(partition)] ?? 0)
    }
    const slice = new Slice(run, topic, readings, listed)
    await slice.read()
    index = await slice.commit(index, written)
  }
}

/** Where a partition is read from and to; null where there is nothing new. */
function readingOf(
  { name, definition }: LakeTopic,
  { partition, logStartOffset, lastStableOffset: end }: PartitionDescription,
  { offsets }: DatasetIndex,
): Reading | null {
  const next = offsets[String(partition)] ?? 0
  if (next > end) {
    throw new TidemarkError(
      'OFFSET_OUT_OF_RANGE',
      `the lake has ${name} up to offset ${next} of partition ${partition}, but the log ends at ${end}: ` +
        `the topic was made anew; move the folder raw/${name} away, and it is written from the start`,
    )
  }
  if (next === end) return null
  const from = Math.min(Math.max(next, logStartOffset), end)
  return { topic: definition.name, partition, from, position: from, end }
}

class Slice {
  readonly #run: WritingRun
  readonly #topic: LakeTopic
  readonly #readings: readonly Reading[]
  readonly #listed: ListedDays
  readonly #files: DayFiles
  readonly #days = new Map<string, DayMetadata | null>()
  readonly #times = new Map<string, Span>()
  readonly #firstDay: string | null
  #records = 0
  #pastRetention = 0

  constructor(run: WritingRun, topic: LakeTopic, readings: readonly Reading[], listed: ListedDays) {
    const { storage, compression, fileBytesMax, retentionDays, clock } = run
    this.#run = run
    this.#topic = topic
    this.#readings = readings
    this.#listed = listed
    const workFile = () => storage.workFile()
    this.#files = new DayFiles({ columns: rawColumns, compression, fileBytesMax, workFile })
    this.#firstDay = firstDayKept('raw', retentionDays, clock.nowMs())
  }

  async read(): Promise<void> {
    try {
      for (let open = this.#open(); open.length > 0 && this.#records < sliceRecords;) {
        this.#run.signal.throwIfAborted()
        const fetched = await this.#run.log.fetch({
          partitions: open.map(({ topic, partition, position }) => ({
            topic,
            partition,
            offset: position as Offset,
          })),
          bytesMax: fetchBytesMax,
          bytesPerPartitionMax: fetchPartitionBytesMax,
          waitMaxMs: 500,
          isolation: 'read_committed',
          signal: this.#run.signal,
        })
        for (const found of fetched) await this.#take(found)
        await this.#files.settle()
        open = this.#open()
      }
    } catch (thrown) {
      this.#files.giveUp()
      throw thrown
    }
  }

  #open(): readonly Reading[] {
    return this.#readings.filter(({ position, end }) => position < end)
  }

  async #take(found: FetchedPartition): Promise<void> {
    const reading = this.#readings.find(({ partition }) => partition === found.partition)
    if (reading === undefined) return
    const records = found.records.filter(({ offset }) => offset < reading.end)
    await this.#topic.codec.prepare(records.map(({ value }) => value))
    const days = records.map(({ timestampMs }) => dayOf(timestampMs))
    for (const day of new Set(days)) await this.#learn(day)
    const values = emptyValues()
    for (const [index, record] of records.entries()) {
      const day = days[index] ?? ''
      this.#records += 1
      if (this.#firstDay !== null && day < this.#firstDay) this.#pastRetention += 1
      else if (!this.#covers(day, reading, record.offset)) {
        addRecord(values, this.#topic, reading, record)
        this.#add(day, values, record)
      }
    }
    reading.position = Math.min(found.nextOffset, reading.end)
  }

  #add(day: string, values: readonly (readonly unknown[])[], record: ConsumerRecord): void {
    const row = (values[0]?.length ?? 0) - 1
    const text = values.reduce((sum, column) => {
      const cell = column[row]
      return sum + (typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 8)
    }, 0)
    this.#files.add(day, values, row, text)
    const time = BigInt(Math.trunc(record.timestampMs))
    const span = this.#times.get(day) ?? { lowest: time, highest: time }
    if (time < span.lowest) span.lowest = time
    if (time > span.highest) span.highest = time
    this.#times.set(day, span)
  }

  async #learn(day: string): Promise<void> {
    if (this.#days.has(day)) return
    const { layer, name } = this.#topic
    const place = { layer, name, day }
    this.#days.set(day, await readDay(this.#run, place, this.#listed.get(day)))
  }

  /** Whether the day has looked at the offset before. */
  #covers(day: string, { partition }: Reading, offset: number): boolean {
    return coveredUntil(this.#days.get(day) ?? null, partition) > offset
  }

  /** The days first, then where the next slice begins. */
  async commit(before: DatasetIndex, written: DatasetWritten): Promise<DatasetIndex> {
    const made = await this.#files.finish()
    const days = { ...before.days }
    const looked: Record<string, readonly [number, number]> = {}
    for (const { partition, from, position } of this.#readings) {
      looked[String(partition)] = [from, position]
    }
    for (const [day, files] of [...made].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const entries = files.map((file) => ({ ...fileEntry(file), offsets: looked }))
      const metadata = this.#metadataOf(day, entries)
      await changeDay(this.#run, metadata, files, this.#listed.get(day))
      days[day] = indexedDay(metadata)
      written.days_written += 1
      written.files += files.length
      for (const { rows, bytes } of files) {
        written.rows += rows
        written.bytes += bytes
      }
    }
    written.records_past_retention += this.#pastRetention
    const ends = Object.entries(looked).map(([partition, [, to]]) => [partition, to])
    const offsets = { ...before.offsets, ...Object.fromEntries(ends) } as Record<string, number>
    const written_at = new Date(this.#run.clock.nowMs()).toISOString()
    const index: DatasetIndex = { format: 1, days, offsets, written_at }
    await this.#run.lock.check()
    await writeIndex(this.#run.storage, this.#topic, index)
    return index
  }

  #metadataOf(day: string, made: readonly FileEntry[]): DayMetadata {
    const before = this.#days.get(day) ?? null
    const { layer, name } = this.#topic
    const files = [...(before?.files ?? []), ...made]
    return {
      format: 1,
      layer,
      name,
      day,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      columns: rawColumns.map(({ name: column, type }) => ({ name: column, type })),
      event_time: joined(before?.event_time ?? null, timeExtent(this.#times.get(day) ?? null)),
      known_at: null,
      version: null,
      fingerprint: null,
      files,
      written_at: new Date(this.#run.clock.nowMs()).toISOString(),
      product_version: this.#run.productVersion,
    }
  }
}

/** Both are ISO 8601 of one form, whose order is that of their texts. */
function joined(
  a: DayMetadata['event_time'],
  b: DayMetadata['event_time'],
): DayMetadata['event_time'] {
  if (a === null || b === null) return a ?? b
  return {
    lowest: a.lowest < b.lowest ? a.lowest : b.lowest,
    highest: a.highest > b.highest ? a.highest : b.highest,
  }
}

function coveredUntil(metadata: DayMetadata | null, partition: number): number {
  const ends = (metadata?.files ?? []).map(({ offsets }) => rangeOf(offsets, partition)?.[1] ?? 0)
  return Math.max(0, ...ends)
}

export function rangeOf(
  offsets: OffsetRanges | undefined,
  partition: number,
): readonly [from: number, to: number] | undefined {
  return offsets?.[String(partition)]
}
