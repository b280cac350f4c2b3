/**
 * The tables of a topology, made again from its fact topics while readers and writers go on.
 *
 * Each table gets a shadow, filled from the start of its topic; then the two change names in one step (EXCHANGE
 * TABLES), and the shadow, now the old table, is dropped. Why not the other way, setting the sink group's offsets back:
 * versioned rows would bring back what is missing but never take out what does not belong there, readers could not
 * tell when it is done, and the group would have to be stopped. Here the result is a function of the topics alone,
 * and a rebuild that fails leaves the table as it was.
 *
 * The consumers write on into the table of the plain name. What they wrote before the exchange went with the old table, so
 * after the exchange the topic is read on to where it ends then, into the new one; rows written twice are the same.
 * A new table has a new identity, and before anybody can see it how far it holds its topic is told: each consumer that notices it
 * reads on from there, also where the rebuild was killed before it could.
 *
 * The lock of the tables is renewed meanwhile and looked at before each step that others see. A shadow's name is this rebuild's
 * alone, and only rebuilds of before are cleared away: one that was suspended, has lost the lock and wakes up within such a step
 * has no shadow any more to exchange.
 */
import { randomUUID } from 'node:crypto'
import { present } from '../../core/assert.ts'
import { pause } from '../../core/clock.ts'
import type { Clock } from '../../core/clock.ts'
import { offset, topicPartitionId } from '../../core/record.ts'
import type { Offset, Partition, TopicName } from '../../core/record.ts'
import type { Log, PartitionDescription } from '../../log/log.ts'
import { FactBuffer } from '../fact-buffer.ts'
import type { FactBatches } from '../fact-batches.ts'
import { serverBatches } from '../fact-batches.ts'
import { factRows } from '../fact-rows.ts'
import type { FactSource } from '../fact-rows.ts'
import { passes } from '../passing.ts'
import { tellRebuilt } from '../rebuilt-facts.ts'
import type { Sink, TableName } from '../sink.ts'
import type { ClickHouse } from './clickhouse.ts'
import { qualifiedName, versionsTable } from './fact-table-ddl.ts'
import { ask, runStatement } from './run-statement.ts'
import { withSchemaLock, type SchemaLock } from './schema-lock.ts'

export interface RebuildOptions {
  readonly log: Log
  readonly sink: Sink
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  readonly facts: readonly FactSource[]
  /** Of each fact topic, as the consumers have it. */
  readonly epochOf: (topic: TopicName) => number
  readonly batches?: FactBatches
  readonly onProgress?: (progress: RebuildProgress) => void
  /** Gives up before the exchange of the table in hand. */
  readonly signal?: AbortSignal
  /** Of the lock of the tables. */
  readonly leaseMs?: number
  readonly waitMaxMs?: number
  /** A line for the operator: who is waited for. */
  readonly onWait?: (line: string) => void
}

export interface RebuildProgress {
  readonly table: TableName
  readonly rowsWritten: number
  readonly recordsLeft: number
}

export interface RebuiltTable {
  readonly table: TableName
  /** Rows written, which are the last versions of their keys within a batch. */
  readonly rows: number
}

const retryMs = 1_000

/** @throws TidemarkError SINK_REFUSED | SINK_UNAVAILABLE where another holds the lock of the tables | JOB_INTERRUPTED where this
 * one has lost it, and what the fact topics' codecs throw */
export async function rebuildFacts(options: RebuildOptions): Promise<readonly RebuiltTable[]> {
  const { clickhouse } = options
  const held = { ...options, purpose: 'a rebuild of tables' }
  return await withSchemaLock(clickhouse, held, async (lock) => {
    const rebuilt: RebuiltTable[] = []
    for (const source of options.facts) {
      rebuilt.push(await rebuildTable(source, { ...options, lock }))
    }
    return rebuilt
  })
}

type Work = RebuildOptions & { readonly lock: SchemaLock }

/** 1 clear away what was killed; 2 the shadow; 3 fill it; 4 tell how far; 5 exchange; 6 what came in meanwhile; 7 drop the old
 * one. */
async function rebuildTable(source: FactSource, options: Work): Promise<RebuiltTable> {
  const { clickhouse, clock, signal } = options
  const { database, table } = source.fact
  const live = { database, table }
  const shadow = { database, table: `${table}_rebuild_${randomUUID().replaceAll('-', '')}` }
  const run = (statement: string) =>
    runStatement(clickhouse, statement, `rebuild of ${database}.${table}`)
  const isStillOurs = () => persist(() => options.lock.check(), clock, signal)
  const drop = (versions: TableName) => run(`DROP TABLE IF EXISTS ${qualifiedName(versions)} SYNC`)
  const left = await leftShadows(clickhouse, live)
  await isStillOurs()
  for (const versions of left) await drop(versions)
  await createShadow(clickhouse, live, shadow)
  try {
    const start = await topicPartitions(source, options.log)
    const fromStart = new Map(start.map((at) => [at.partition, at.logStartOffset]))
    const filled = await copy(source, shadow, fromStart, options)
    await tellFilled(source, shadow, filled.reached, options)
    await isStillOurs()
    signal?.throwIfAborted()
    await run(
      `EXCHANGE TABLES ${qualifiedName(versionsTable(live))} AND ${qualifiedName(versionsTable(shadow))}`,
    )
    const { signal: _, ...toTheEnd } = options
    const added = await copy(source, live, filled.reached, toTheEnd)
    return { table: live, rows: filled.rows + added.rows }
  } finally {
    await drop(versionsTable(shadow))
  }
}

/** Of rebuilds that were killed; where that was behind the exchange it is the old table. */
async function leftShadows(clickhouse: ClickHouse, live: TableName): Promise<readonly TableName[]> {
  const { database, table } = live
  const rows = await ask<{ name: string }>(
    clickhouse,
    `SELECT name FROM system.tables
WHERE database = {database:String} AND startsWith(name, {prefix:String})`,
    { database, prefix: `${table}_rebuild` },
  )
  const rest = /^(_[0-9a-f]{32})?_versions$/
  return rows
    .filter(({ name }) => rest.test(name.slice(`${table}_rebuild`.length)))
    .map(({ name }) => ({ database, table: name }))
}

async function tellFilled(
  source: FactSource,
  shadow: TableName,
  reached: Reached,
  { log, sink, clock, epochOf, signal }: Work,
): Promise<void> {
  const topic = source.fact.topic.name
  const [identity] = await persist(() => sink.identitiesOf([shadow]), clock, signal)
  const table = { identity: present(identity, 'identity of the shadow'), epoch: epochOf(topic) }
  await persist(() => tellRebuilt(log, topic, table, reached), clock, signal)
}

/** An empty table of versions beside the one of a fact table, with its columns, order and engine. */
export async function createShadow(
  clickhouse: ClickHouse,
  live: TableName,
  shadow: TableName,
): Promise<void> {
  const versions = versionsTable(live)
  const [row] = await ask<{ engine: string }>(
    clickhouse,
    `SELECT engine_full AS engine FROM system.tables
WHERE database = {database:String} AND name = {table:String}`,
    { ...versions },
  )
  const engine = shadowEngine(present(row, `table ${qualifiedName(versions)}`).engine, randomUUID())
  const statement = `CREATE TABLE ${qualifiedName(versionsTable(shadow))} AS ${qualifiedName(versions)} ENGINE = ${engine}`
  await runStatement(clickhouse, statement, `rebuild of ${live.database}.${live.table}`)
}

/** Two replicated tables cannot share a path in Keeper, and after the exchange the new one keeps its own. */
export function shadowEngine(engine: string, id: string): string {
  return engine.replace(
    /^(Replicated\w*MergeTree\(')((?:[^'\\]|\\.)*?)(?:-rebuilt-[0-9a-f-]+)?'/,
    (_, head: string, path: string) => `${head}${path}-rebuilt-${id}'`,
  )
}

type Reached = ReadonlyMap<Partition, Offset>

/** From `from` to where the topic ends when it is called. */
async function copy(
  source: FactSource,
  into: TableName,
  from: Reached,
  options: Omit<Work, 'signal'> & { readonly signal?: AbortSignal },
): Promise<{ readonly reached: Reached; readonly rows: number }> {
  const { log, sink, clock, epochOf, batches = serverBatches, onProgress, signal, lock } = options
  const topic = source.fact.topic.name
  const ends = await topicPartitions(source, log)
  const reached = new Map(from)
  let rows = 0
  let buffer = new FactBuffer()
  const flush = async () => {
    const batch = await factRows(
      source,
      [...buffer.topics()].flatMap(([, facts]) => [...facts]),
      epochOf(topic),
    )
    await persist(() => lock.check(), clock, signal)
    await persist(() => sink.write([{ table: into, rows: batch.rows }]), clock, signal)
    rows += batch.rows.length
    buffer = new FactBuffer()
    onProgress?.({ table: into, rowsWritten: rows, recordsLeft: leftOf(ends, reached) })
  }
  for (const { partition, lastStableOffset, logStartOffset } of ends) {
    let next = Math.max(reached.get(partition) ?? 0, logStartOffset)
    while (next < lastStableOffset) {
      signal?.throwIfAborted()
      const [fetched] = await persist(
        () =>
          log.fetch({
            partitions: [{ topic, partition, offset: offset(next) }],
            bytesMax: batches.fetchBytesMax,
            bytesPerPartitionMax: batches.fetchBytesMax,
            waitMaxMs: retryMs,
            isolation: 'read_committed',
          }),
        clock,
        signal,
      )
      const part = present(fetched, topicPartitionId({ topic, partition }))
      for (const record of part.records) buffer.add(part, record, 0)
      next = part.nextOffset
      reached.set(partition, part.nextOffset)
      if (buffer.rows >= batches.rowsMax || buffer.bytes >= batches.bytesMax) await flush()
    }
  }
  if (buffer.rows > 0) await flush()
  return { reached, rows }
}

function leftOf(ends: readonly PartitionDescription[], reached: Reached): number {
  return ends.reduce(
    (left, { partition, lastStableOffset, logStartOffset }) =>
      left + Math.max(0, lastStableOffset - (reached.get(partition) ?? logStartOffset)),
    0,
  )
}

/** Goes on when what is away is back. */
async function persist<T>(step: () => Promise<T>, clock: Clock, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await step()
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
      const { retryAfterMs } = thrown.details
      await pause(clock, typeof retryAfterMs === 'number' ? retryAfterMs : retryMs, signal)
      signal?.throwIfAborted()
    }
  }
}

async function topicPartitions(
  { fact }: FactSource,
  log: Log,
): Promise<readonly PartitionDescription[]> {
  const [description] = await log.describeTopics([fact.topic.name])
  return present(description, `topic ${fact.topic.name}`).partitions
}
