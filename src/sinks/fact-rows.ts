/** From records of a fact topic to rows of its table. */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ConsumerRecord, Offset, TopicName } from '../core/record.ts'
import type { Serde, ValueCodec } from '../core/serde.ts'
import type { KeyPart } from '../core/tuple.ts'
import type { FactTable } from '../core/fact-table.ts'
import type { BufferedFact, FactBuffer } from './fact-buffer.ts'
import type { Row, TableRows } from './sink.ts'

/** What the sinks need of a `FactTable`; any of them will do, whatever its key and row types are. */
export interface ReadableFact extends Pick<FactTable, 'database' | 'table' | 'keyColumns'> {
  readonly topic: {
    readonly name: TopicName
    readonly keySerde: Pick<Serde<readonly KeyPart[]>, 'deserialize'>
  }
}

/** Of the fact topic's values: fields under the names of the columns. */
export type FactDecoder = Pick<ValueCodec<Record<string, unknown>>, 'decode' | 'prepare'>

export interface FactSource {
  readonly fact: ReadableFact
  readonly codec: FactDecoder
}

/** Law 3: grows for each key, because a key stays in one partition. The epoch grows when a topic starts anew. */
export function factVersion(epoch: number, offset: Offset): bigint {
  return (BigInt(epoch) << 48n) | BigInt(offset)
}

/** Of one topic, where each may have its own. */
export function epochOf(epoch: number | ReadonlyMap<TopicName, number>, topic: TopicName): number {
  return typeof epoch === 'number' ? epoch : present(epoch.get(topic), `epoch of ${topic}`)
}

/** By table, of facts of any of the sources, which are by topic. @throws as `factRows` */
export async function batchRows(
  batch: FactBuffer,
  sources: ReadonlyMap<string, FactSource>,
  epoch: number | ReadonlyMap<TopicName, number>,
): Promise<readonly TableRows[]> {
  const tables: TableRows[] = []
  for (const [topic, facts] of batch.topics()) {
    const source = present(sources.get(topic), `fact table of ${topic}`)
    tables.push(await factRows(source, facts, epochOf(epoch, source.fact.topic.name)))
  }
  return tables
}

/** @throws TidemarkError AVRO_CORRUPT and the like, naming topic, partition and offset */
export async function factRows(
  source: FactSource,
  facts: Iterable<BufferedFact>,
  epoch: number,
): Promise<TableRows> {
  const { fact, codec } = source
  const held = [...facts]
  await codec.prepare(held.map(({ record }) => record.value))
  const rows = held.map(({ at, record }) => {
    try {
      return factRow(fact, codec, record, epoch)
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError)) throw thrown
      const message = `${fact.database}.${fact.table}: ${at.topic}-${at.partition} at offset ${record.offset}: ${thrown.message}`
      throw new TidemarkError(thrown.code, message, {
        cause: thrown,
        details: { topic: at.topic, partition: at.partition, offset: record.offset },
      })
    }
  })
  return { table: { database: fact.database, table: fact.table }, rows }
}

function factRow(
  fact: ReadableFact,
  codec: FactDecoder,
  record: ConsumerRecord,
  epoch: number,
): Row {
  const { value } = record
  // The decoded value is ours alone; copying it would cost as much as decoding it.
  const row = value === null ? {} : codec.decode(value)
  if (value === null || fact.keyColumns.some((column) => row[column] === undefined)) {
    addKeyColumns(row, fact, record)
  }
  row['event_time'] ??= record.timestampMs
  row['known_at'] ??= record.timestampMs
  row['version'] = factVersion(epoch, record.offset)
  row['is_deleted'] = value === null ? 1 : 0
  return row
}

function addKeyColumns(row: Record<string, unknown>, fact: ReadableFact, record: ConsumerRecord) {
  const parts = fact.topic.keySerde.deserialize(present(record.key, `key of ${fact.topic.name}`))
  fact.keyColumns.forEach((column, index) => {
    row[column] ??= parts[index]
  })
}
