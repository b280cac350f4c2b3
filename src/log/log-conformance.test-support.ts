/** What the tests of the Log port share: a subject with topics of its own, and short words for records and reads. */
import assert from 'node:assert/strict'

import { ManualClock } from '../core/clock.ts'
import type { ErrorCode } from '../core/errors.ts'
import type {
  ConsumerRecord,
  Offset,
  Partition,
  ProducerRecord,
  TopicName,
} from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { EncodedLog } from './encoded-log.ts'
import type { FetchedPartition, GroupMetadata } from './log.ts'
import type { MaintenanceOptions } from './maintenance-options.ts'

export interface SubjectOptions {
  readonly clock: ManualClock
  readonly recordBytesMax?: number
  readonly transactionRecordBytesMax?: number
  readonly maintenance?: Partial<MaintenanceOptions>
}

/** A log to test. Where others use it too, its names are made unique with `suffix`. */
export interface Subject<Log extends EncodedLog = EncodedLog> {
  readonly log: Log
  /** Where the log shares it. */
  readonly state?: StateBackend
  readonly suffix?: string
  close(): Promise<void>
}

/** A subject with its topics: `topic` of three partitions, `table` of one, which is compacted. */
export interface Opened<Log extends EncodedLog> {
  readonly log: Log
  readonly state: StateBackend | null
  readonly topic: TopicName
  readonly table: TopicName
  readonly noGroup: GroupMetadata
  /** A place in `topic`. */
  at(partition: number): { topic: TopicName; partition: Partition }
  read(from: number, options?: Partial<Reading>): Promise<FetchedPartition>
  readAll(
    name?: TopicName,
    partition?: number,
    from?: number,
    bytesMax?: number,
  ): Promise<ConsumerRecord[]>
  named(name: string): string
  close(): Promise<void>
}

export interface Reading {
  readonly bytesMax: number
  readonly name: TopicName
  readonly partition: number
  readonly waitMaxMs: number
  readonly signal: AbortSignal
}

/** Opens subjects and closes them after the test. */
export class Subjects<Log extends EncodedLog> {
  readonly clock = new ManualClock(1_000_000)
  readonly #open: (options: SubjectOptions) => Promise<Subject<Log>>
  readonly #opened: { close(): Promise<void> }[] = []

  constructor(open: (options: SubjectOptions) => Promise<Subject<Log>>) {
    this.#open = open
  }

  readonly fresh = async (options: Partial<SubjectOptions> = {}): Promise<Opened<Log>> => {
    const {
      log,
      state = null,
      suffix = '',
      close,
    } = await this.#open({ clock: this.clock, ...options })
    let closed: Promise<void> | null = null
    const closeOnce = () => (closed ??= close())
    this.#opened.push({ close: closeOnce })
    const named = (name: string) => `${name}${suffix}`
    const topic = named('answers') as TopicName
    const table = named('questions') as TopicName
    await log.createTopics([
      { name: topic, partitionCount: 3, cleanupPolicy: 'delete', retentionMs: 1000 },
      { name: table, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
    ])
    const read: Opened<Log>['read'] = (from, reading = {}) => readOnce(log, topic, from, reading)
    return {
      log,
      state,
      topic,
      table,
      noGroup: { groupId: named('group'), generationId: -1, memberId: '' },
      at: (partition) => ({ topic, partition: partition as Partition }),
      read,
      readAll: async (name = topic, partition = 0, from = 0, bytesMax = 1 << 20) => {
        const records: ConsumerRecord[] = []
        for (let offset = from; ;) {
          const found = await read(offset, { name, partition, bytesMax })
          records.push(...found.records)
          // A cluster shows a transaction a moment after it was committed.
          const isWhole = found.lastStableOffset === found.highWatermark
          if (found.nextOffset === offset && isWhole) return records
          offset = found.nextOffset
        }
      },
      named,
      close: closeOnce,
    }
  }

  async closeAll(): Promise<void> {
    for (const subject of this.#opened.splice(0)) await subject.close()
  }
}

async function readOnce(
  log: EncodedLog,
  topic: TopicName,
  from: number,
  reading: Partial<Reading>,
): Promise<FetchedPartition> {
  const { bytesMax = 1 << 20, name = topic, partition = 0, waitMaxMs = 0, signal } = reading
  const [found] = await log.fetch({
    partitions: [{ topic: name, partition: partition as Partition, offset: from as Offset }],
    bytesMax,
    bytesPerPartitionMax: bytesMax,
    waitMaxMs,
    isolation: 'read_committed',
    ...(signal === undefined ? {} : { signal }),
  })
  return found as FetchedPartition
}

export function record(key: string | null, value: string | null, timestampMs = 0): ProducerRecord {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
  }
}

export function text(records: readonly ConsumerRecord[]): string[] {
  return records.map(({ key, value, offset }) => `${offset} ${key}=${value}`)
}

export async function refusal(code: ErrorCode, work: () => Promise<unknown>): Promise<Error> {
  let thrown: unknown
  try {
    await work()
  } catch (caught) {
    thrown = caught
  }
  assert.equal((thrown as { code?: string } | undefined)?.code, code, String(thrown))
  return thrown as Error
}
