/**
 * One page of a topic's committed records, from positions that the caller keeps: nothing is remembered here, no group is
 * joined and no offset committed, so looking changes nothing.
 */
import { TidemarkError } from '../../core/errors.ts'
import { offset, partition as partitionOf, topicName } from '../../core/record.ts'
import type { TopicName } from '../../core/record.ts'
import type { FetchPartition, Log, PartitionDescription } from '../../log/log.ts'
import { hasKey, type RecordReader, type ShownRecord } from './shown-record.ts'

export interface RecordsRequest {
  readonly topic: string
  /** Where to begin while there are no positions. */
  readonly from: 'beginning' | 'end'
  /** The next offset by partition, as the page before told; empty for the first. */
  readonly positions: Readonly<Record<string, number>>
  /** Only records with this key; null: all. */
  readonly key: string | null
  /** How long to wait where there is nothing yet. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

export interface RecordsPage {
  /** Of each partition in the order of its offsets. */
  readonly records: readonly ShownRecord[]
  readonly positions: Readonly<Record<string, number>>
  /** Offsets between the positions and the end. */
  readonly behind: number
  /** Offsets that the log removed before they were read here. */
  readonly removed: number
}

export interface RecordsSource {
  readonly log: Pick<Log, 'describeTopics' | 'fetch'>
  readonly reader: RecordReader
}

const pageBytesMax = 1024 * 1024
const partitionBytesMax = 256 * 1024

/** @throws TidemarkError TOPIC_UNKNOWN | KAFKA_UNREACHABLE | REGISTRY_UNREACHABLE */
export async function readRecords(
  { log, reader }: RecordsSource,
  request: RecordsRequest,
): Promise<RecordsPage> {
  const topic = nameOf(request.topic)
  // Each time anew: partitions are added, and what is old is removed.
  const [description] = await log.describeTopics([topic])
  const begun = (description?.partitions ?? []).map((own) => startOf(own, request))
  const fetched = await log.fetch({
    partitions: begun.map(({ partition, from }): FetchPartition => ({
      topic,
      partition: partitionOf(partition),
      offset: offset(from),
    })),
    bytesMax: pageBytesMax,
    bytesPerPartitionMax: partitionBytesMax,
    waitMaxMs: request.waitMs,
    isolation: 'read_committed',
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
  const positions: Record<string, number> = {}
  for (const { partition, from } of begun) positions[partition] = from
  const records: ShownRecord[] = []
  let behind = 0
  for (const found of fetched) {
    const { key } = request
    const wanted = found.records.filter((record) => key === null || hasKey(record, key))
    await reader.prepare(wanted)
    records.push(...wanted.map((record) => reader.show(topic, found.partition, record)))
    positions[found.partition] = found.nextOffset
    behind += Math.max(0, found.lastStableOffset - found.nextOffset)
  }
  return { records, positions, behind, removed: begun.reduce((sum, each) => sum + each.removed, 0) }
}

function startOf(
  { partition, logStartOffset, highWatermark, lastStableOffset }: PartitionDescription,
  { from, positions }: RecordsRequest,
): { partition: number; from: number; removed: number } {
  if (Object.keys(positions).length === 0) {
    return { partition, from: from === 'end' ? lastStableOffset : logStartOffset, removed: 0 }
  }
  // A partition that was added, and a topic that was made anew, begin at their start.
  const position = positions[partition] ?? logStartOffset
  if (position > highWatermark) return { partition, from: logStartOffset, removed: 0 }
  const removed = Math.max(0, logStartOffset - position)
  return { partition, from: position + removed, removed }
}

function nameOf(text: string): TopicName {
  try {
    return topicName(text)
  } catch (cause) {
    throw new TidemarkError('REQUEST_INVALID', cause instanceof Error ? cause.message : text, {
      cause,
    })
  }
}
