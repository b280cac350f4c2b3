/** A fact consumer over a log in memory, with sinks that a test watches and makes fail. */
import { systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { partition, topicName } from '../core/record.ts'
import type { PartitionRecords } from '../log/log.ts'
import { MemoryStorage } from '../log/memory/memory-storage.ts'
import { StoredLog } from '../log/stored-log.ts'
import type { ValueCodec } from '../core/serde.ts'
import { tupleSerde } from '../core/tuple.ts'
import type { FactTable } from '../core/fact-table.ts'
import { FactConsumer } from './fact-consumer.ts'
import type { FactConsumerOptions } from './fact-consumer.ts'
import { MemorySink } from './memory/memory-sink.test-support.ts'
import type { Sink, TableName, TableRows } from './sink.ts'

export const table = { database: 'exams', table: 'averages' }
export const topic = topicName('exams.averages')
export const keySerde = tupleSerde<readonly [string]>()
export const fact: FactTable<readonly [string], Record<string, unknown>> = {
  ...table,
  keyColumns: ['student_id'],
  topic: { name: topic, keySerde, schema: {}, cleanupPolicy: 'compact', retentionMs: null },
}
const codec: ValueCodec<Record<string, unknown>> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => {
    if (bytes[0] !== 0x7b) throw new TidemarkError('AVRO_CORRUPT', 'not a value')
    return JSON.parse(bytes.toString()) as Record<string, unknown>
  },
  prepare: () => Promise.resolve(),
}

export async function openLog(partitionCount = 2): Promise<StoredLog> {
  const log = await StoredLog.open(new MemoryStorage(), { clock: systemClock })
  await log.createTopics([
    { name: topic, partitionCount, cleanupPolicy: 'compact', retentionMs: null },
  ])
  return log
}

export function records(
  at: number,
  facts: readonly (readonly [string, number | null])[],
): PartitionRecords {
  return {
    topic,
    partition: partition(at),
    records: facts.map(([student, average]) => ({
      key: keySerde.serialize([student]),
      value: average === null ? null : codec.encode({ average, event_time: 5, known_at: 7 }),
      timestampMs: 3,
    })),
  }
}

export function consumerOf(
  log: StoredLog,
  sink: Sink,
  options: Partial<FactConsumerOptions> = {},
): FactConsumer {
  return new FactConsumer({
    name: 'test',
    log,
    sink,
    clock: systemClock,
    facts: [{ fact, codec }],
    epoch: 1,
    ageMaxMs: 1,
    idleWaitMs: 20,
    ...options,
  })
}

export const memorySink = () => new MemorySink([{ table, keyColumns: fact.keyColumns }])
export const averages = (sink: MemorySink): Record<string, unknown> =>
  Object.fromEntries(sink.rows(table).map((row) => [String(row['student_id']), row['average']]))

/** A sink that a test makes fail, block and watch. */
export class WatchedSink implements Sink {
  readonly inner = memorySink()
  readonly batches: (readonly TableRows[])[] = []
  failure: Error | null = null
  attempts = 0
  onAttempt: () => void = () => {}

  setup = () => this.inner.setup()
  identitiesOf = (names: readonly TableName[]) => this.inner.identitiesOf(names)
  close = () => Promise.resolve()
  async write(batches: readonly TableRows[]): Promise<void> {
    this.attempts++
    this.onAttempt()
    if (this.failure !== null) throw this.failure
    this.batches.push(batches)
    await this.inner.write(batches)
  }
}

export const unavailable = new TidemarkError('SINK_UNAVAILABLE', 'away', {
  details: { retryAfterMs: 1 },
})
