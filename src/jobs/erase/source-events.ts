/** The persons' events in the topics that events come in by: found, and written over. */
import { erasedRecord, isErased } from '../../core/erased.ts'
import type { ConsumerRecord, Offset, Partition } from '../../core/record.ts'
import type { ChangeRecords, RewriteOptions } from '../../log/rewrite-records.ts'
import type { StoredLog } from '../../log/stored-log.ts'
import type { Persons } from './subjects.ts'

/** Of one partition of a topic: what the request reaches. */
export interface EventsReach {
  readonly topic: string
  readonly partition: number
  /** Where the partition ended when it was asked: later events count again. */
  readonly before_offset: number
}

export interface FoundEvents extends EventsReach {
  /** About the persons: taken out. */
  readonly events: number
  /** About something else: they stay without the name. */
  readonly mentions: number
}

type Ground = Pick<StoredLog, 'describeTopics' | 'rewriteRecords'>

/** Each partition of a topic that names persons of the kind, as it ends now. */
export async function reachOf(
  log: Ground,
  all: readonly Persons[],
): Promise<readonly EventsReach[]> {
  const named = all.filter(({ areNamed }) => areNamed)
  const existing = new Set((await log.describeTopics()).map(({ name }) => name))
  const topics = named.map(({ topic }) => topic.name).filter((name) => existing.has(name))
  const described = await log.describeTopics(topics)
  return described.flatMap(({ name, partitions }) =>
    partitions.map(({ partition, highWatermark }) => ({
      topic: name,
      partition,
      before_offset: highWatermark,
    })),
  )
}

export interface EventsOptions {
  readonly log: Ground
  readonly persons: Persons
  readonly reach: EventsReach
  /** False: they are counted, and nothing is written. */
  readonly overwrites: boolean
  readonly signal: AbortSignal
}

export async function sourceEvents(options: EventsOptions): Promise<FoundEvents> {
  const { log, persons, reach, overwrites, signal } = options
  const found = { events: 0, mentions: 0 }
  const change: ChangeRecords = async (records) => {
    await persons.prepare(records.map(({ value }) => value))
    return records.map((record) => {
      const changed = changedRecord(persons, record, found)
      return overwrites ? changed : record
    })
  }
  const at = { topic: persons.topic.name, partition: reach.partition as Partition }
  const rewrite: RewriteOptions = { before: reach.before_offset as Offset, change, signal }
  await log.rewriteRecords(at, rewrite)
  return { ...reach, ...found }
}

function changedRecord(
  persons: Persons,
  record: ConsumerRecord,
  found: { events: number; mentions: number },
): ConsumerRecord {
  if (isErased(record)) return record
  const verdict = persons.ofRecord(record)
  if (verdict === 'other') return record
  if (verdict === 'about' || record.value === null) {
    found.events += 1
    return erasedRecord(record)
  }
  found.mentions += 1
  return { ...record, value: persons.encodedWithoutMentions(record.value) }
}
