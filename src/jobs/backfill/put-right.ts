/**
 * Puts the rows of a table right, for readers in one step.
 *
 *  1. What stays is copied into a table beside the live one; nothing is copied of rows that are about to change, so that
 *     no version of theirs, whoever wrote it, outlives them.
 *  2. The replay's records of the others go into the live fact topic, tombstones of rows that should not be: there they are
 *     newer than what they replace, so that a rebuild and every consumer keeps them. Their rows go into the table beside.
 *  3. The two tables change names (EXCHANGE TABLES), and the old one is dropped.
 *  4. The consumer of the topic is told that the new table has what it knows; else it would read the topic once more.
 *
 * Interrupted before 3 readers see the table as it was. What was appended by then is brought by the table's consumer at its next
 * start, as any fact; another run does the rest.
 */
import { present } from '../../core/assert.ts'
import { partitionForKey } from '../../core/partitioner.ts'
import { offset, type ConsumerRecord, type Offset, type TopicPartition } from '../../core/record.ts'
import type { KeyPart } from '../../core/tuple.ts'
import type { Log, PartitionRecords } from '../../log/log.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { qualifiedName, versionsTable } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { runStatement } from '../../sinks/clickhouse/run-statement.ts'
import { factRows, type FactSource } from '../../sinks/fact-rows.ts'
import { passes } from '../../sinks/passing.ts'
import type { Sink } from '../../sinks/sink.ts'
import { extraKeys, untouchedVersions, wantedVersions, type Comparison } from './compare.ts'
import { interrupted } from './replay.ts'
import { dropBeside, makeBeside, mendedTable } from './shadow-tables.ts'

export interface PutRightOptions {
  readonly live: Log
  readonly replayed: Log
  readonly sink: Sink
  readonly clickhouse: ClickHouse
  readonly source: FactSource & { readonly keyBytes: (key: readonly KeyPart[]) => Buffer }
  readonly epoch: number
  /** Of the consumer that brings the topic to ClickHouse. It has brought all there was, and is stopped. */
  readonly sinkGroup: string
  readonly comparison: Comparison
  /** Rows that the replay does not have stay: it has not seen all events. */
  readonly keepExtra: boolean
  readonly nowMs: number
  readonly signal: AbortSignal
  readonly onRows: (rows: number) => void
}

type Fact = Omit<ConsumerRecord, 'offset'>

const factsPerAppend = 500
const bytesPerAppendMax = 512 * 1024
const fetchBytesMax = 1024 * 1024
const versionBits = 48n

/** Returns how many rows were put right. */
export async function putRight(options: PutRightOptions): Promise<number> {
  const { clickhouse, comparison, keepExtra, signal, onRows } = options
  const { database, table } = options.source.fact
  const live = { database, table }
  const mended = mendedTable(live)
  const what = `backfill of ${database}.${table}`
  const [into, from] = [versionsTable(mended), versionsTable(live)].map(qualifiedName)
  await makeBeside(clickhouse, live, mended)
  let rows = 0
  try {
    for (let part = 0; part < comparison.parts; part += 1) {
      if (signal.aborted) throw interrupted()
      const untouched = untouchedVersions(comparison, part, keepExtra)
      await runStatement(clickhouse, `INSERT INTO ${into} ${untouched}`, what)
    }
    for (let part = 0; part < comparison.parts; part += 1) {
      for await (const facts of newFacts(options, part)) {
        if (signal.aborted) throw interrupted()
        await writeFacts(options, facts)
        rows += facts.length
        onRows(rows)
      }
    }
    if (signal.aborted) throw interrupted()
    await runStatement(clickhouse, `EXCHANGE TABLES ${into} AND ${from}`, what)
    await tellConsumer(options)
  } finally {
    await dropBeside(clickhouse, mended)
  }
  return rows
}

async function tellConsumer({ live, sink, source, sinkGroup }: PutRightOptions): Promise<void> {
  const { database, table, topic } = source.fact
  const [identity] = await sink.identitiesOf([{ database, table }])
  const metadata = present(identity, `identity of ${database}.${table}`)
  const [description] = await live.describeTopics([topic.name])
  const offsets = present(description, topic.name).partitions.map((at) => ({
    topic: topic.name,
    partition: at.partition,
    offset: at.lastStableOffset,
    metadata,
  }))
  const nobody = { groupId: sinkGroup, generationId: -1, memberId: '' }
  try {
    await live.commitOffsets(nobody, offsets)
  } catch (thrown) {
    // A member has come: it reads the topic once more.
    if (!passes(thrown)) throw thrown
  }
}

async function* newFacts(options: PutRightOptions, part: number): AsyncGenerator<readonly Fact[]> {
  const { clickhouse, comparison, source, keepExtra, nowMs } = options
  const versions = await wantedVersions(clickhouse, comparison, part)
  yield* inBatches(recordsAt(options, versions))
  if (keepExtra) return
  const keys = await extraKeys(clickhouse, comparison, part)
  const tombstones = keys.map((key) => ({
    key: source.keyBytes(key),
    value: null,
    headers: [],
    timestampMs: nowMs,
  }))
  yield* inBatches(tombstones)
}

async function* inBatches(
  facts: Iterable<Fact> | AsyncIterable<Fact>,
): AsyncGenerator<readonly Fact[]> {
  let batch: Fact[] = []
  let bytes = 0
  for await (const fact of facts) {
    batch.push(fact)
    bytes += (fact.key?.length ?? 0) + (fact.value?.length ?? 0)
    if (batch.length < factsPerAppend && bytes < bytesPerAppendMax) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** Of the replay's topic, the records whose places these are; both ascend. */
async function* recordsAt(
  { replayed, source }: PutRightOptions,
  versions: readonly bigint[],
): AsyncGenerator<Fact> {
  const topic = source.fact.topic.name
  const places = versions.map((version) => ({
    partition: Number(version >> versionBits),
    offset: Number(BigInt.asUintN(Number(versionBits), version)),
  }))
  let index = 0
  while (index < places.length) {
    const { partition, offset: from } = present(places[index], 'a place')
    const [fetched] = await replayed.fetch({
      partitions: [
        { topic, partition: partition as TopicPartition['partition'], offset: offset(from) },
      ],
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const { records, nextOffset } = present(fetched, topic)
    for (const record of records) {
      const place = places[index]
      if (place?.partition === partition && place.offset === record.offset) {
        index += 1
        yield record
      }
    }
    // What is looked for has not been compacted away: its row was made of it.
    present(records.at(-1), `${topic}-${partition} from ${from}, before ${nextOffset}`)
  }
}

/** Durable in the topic first, then in the table beside. */
async function writeFacts(options: PutRightOptions, facts: readonly Fact[]): Promise<void> {
  const { live, sink, source, epoch } = options
  const topic = source.fact.topic.name
  const [description] = await live.describeTopics([topic])
  const { partitionCount } = present(description, topic)
  const byPartition = Map.groupBy(facts, ({ key }) =>
    partitionForKey(present(key, 'key of a fact'), partitionCount),
  )
  const batches: PartitionRecords[] = [...byPartition].map(([partition, records]) => ({
    topic,
    partition,
    // Views on a fetched batch, which is not ours.
    records: records.map(({ key, value, headers, timestampMs }) => ({
      key,
      value,
      headers,
      timestampMs,
    })),
  }))
  const appended = await live.append(batches)
  const placed = batches.flatMap(({ partition, records }, index) => {
    const base = present(appended[index], 'place of the facts').baseOffset
    return records.map((record, at) => ({
      at: { topic, partition },
      record: { ...record, headers: record.headers ?? [], offset: (base + at) as Offset },
    }))
  })
  const { rows } = await factRows(source, placed, epoch)
  await sink.write([{ table: mendedTable(source.fact), rows }])
}
