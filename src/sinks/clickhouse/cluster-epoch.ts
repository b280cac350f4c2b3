/**
 * The high bits of a row's version, for many instances that share fact topics. Offsets grow while a topic lives; a
 * topic that was deleted and made anew begins at offset 0 again, and its greater epoch lets its rows replace the old
 * ones all the same. A topic's identity, which is new with every incarnation, is what an epoch belongs to.
 *
 * Invariants:
 *  1. All instances use one epoch for one incarnation of a topic, whenever they start and however they are suspended.
 *  2. A later incarnation's epoch is greater than every earlier one's, and than every version in the table.
 *
 * How: incarnations claim slots, numbered from 1 for each topic. A slot is a view that is created without IF NOT
 * EXISTS, so one claimant wins it; its comment says for which incarnation and epoch. Slot n + 1 is claimed only by who has
 * seen the slots 1 to n and its incarnation in none of them, so no incarnation can have two. The table
 * `tidemark.fact_epochs` repeats what was decided, for people and for fast starts; it decides nothing.
 */
import { createHash } from 'node:crypto'
import { assert, present } from '../../core/assert.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicName } from '../../core/record.ts'
import type { TableName } from '../sink.ts'
import type { ClickHouse } from './clickhouse.ts'
import { qualifiedName, quoteIdentifier, versionsTable } from './fact-table-ddl.ts'
import { ask, runCreate, runStatement, textLiteral } from './run-statement.ts'

/** A fact topic as it is now. */
export interface FactIncarnation {
  readonly topic: TopicName
  /** Kafka's topic id: another one when the topic is deleted and made anew. */
  readonly topicId: string
  readonly table: TableName
}

const epochMax = 0xffff
const what = 'the epochs of the fact topics'

const bookkeeping = [
  'CREATE DATABASE IF NOT EXISTS tidemark',
  `CREATE TABLE IF NOT EXISTS tidemark.fact_epochs (
  topic String COMMENT 'The fact topic.',
  topic_id String COMMENT 'Its identity: another one when it was deleted and made anew.',
  epoch UInt16 COMMENT 'High bits of the versions of its rows.',
  decided_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was decided.'
) ENGINE = ReplacingMergeTree(decided_at)
ORDER BY (topic, topic_id)`,
]

/** The tables must exist (`ClickHouseSink.setup`).
 * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function clusterEpochs(
  clickhouse: ClickHouse,
  incarnations: readonly FactIncarnation[],
): Promise<ReadonlyMap<TopicName, number>> {
  for (const statement of bookkeeping) await runStatement(clickhouse, statement, what)
  const known = await decidedEpochs(clickhouse)
  const epochs = new Map<TopicName, number>()
  for (const incarnation of incarnations) {
    const { topic, topicId } = incarnation
    const decided = known.get(`${topic} ${topicId}`)
    epochs.set(topic, decided ?? (await decide(clickhouse, incarnation)))
  }
  return epochs
}

/**
 * Claims what a running instance works with, where that was lost with the rest of ClickHouse: whoever starts later is to use
 * the same (invariant 1).
 * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED, also where one that has started meanwhile has decided otherwise
 */
export async function keepEpochs(
  clickhouse: ClickHouse,
  incarnations: readonly FactIncarnation[],
  epochs: ReadonlyMap<TopicName, number>,
): Promise<void> {
  for (const statement of bookkeeping) await runStatement(clickhouse, statement, what)
  for (const incarnation of incarnations) {
    const epoch = present(epochs.get(incarnation.topic), `epoch of ${incarnation.topic}`)
    await keep(clickhouse, incarnation, epoch)
  }
}

async function keep(
  clickhouse: ClickHouse,
  { topic, topicId }: FactIncarnation,
  epoch: number,
): Promise<void> {
  for (;;) {
    const slots = await slotsOf(clickhouse, topic)
    const own = slots.find((taken) => taken.topicId === topicId)
    if (own?.epoch === epoch) return
    if (own !== undefined) throw decidedOtherwise(topic, own.epoch, epoch)
    if (await take(clickhouse, topic, { slot: next(slots), topicId, epoch })) {
      await note(clickhouse, topic, topicId, epoch)
      return
    }
  }
}

function decidedOtherwise(topic: TopicName, decided: number, used: number): TidemarkError {
  const message =
    `ClickHouse has lost ${what}, and an instance that started then has decided ${decided} for ${topic}, while this one ` +
    `works with ${used}; stop all instances, start them again, and run tidemark rebuild`
  return new TidemarkError('SINK_REFUSED', message, { details: { topic } })
}

async function decidedEpochs(clickhouse: ClickHouse): Promise<ReadonlyMap<string, number>> {
  const rows = await ask<{ topic: string; topic_id: string; epoch: number }>(
    clickhouse,
    'SELECT topic, topic_id, epoch FROM tidemark.fact_epochs FINAL',
  )
  return new Map(rows.map(({ topic, topic_id, epoch }) => [`${topic} ${topic_id}`, epoch]))
}

async function decide(clickhouse: ClickHouse, incarnation: FactIncarnation): Promise<number> {
  const epoch = await claim(clickhouse, incarnation)
  await note(clickhouse, incarnation.topic, incarnation.topicId, epoch)
  return epoch
}

async function note(
  clickhouse: ClickHouse,
  topic: TopicName,
  topicId: string,
  epoch: number,
): Promise<void> {
  await clickhouse.insert(
    { database: 'tidemark', table: 'fact_epochs' },
    ['topic', 'topic_id', 'epoch'],
    Buffer.from(`${topic}\t${topicId}\t${epoch}\n`),
  )
}

interface Slot {
  readonly slot: number
  readonly topicId: string
  readonly epoch: number
}

async function claim(
  clickhouse: ClickHouse,
  { topic, topicId, table }: FactIncarnation,
): Promise<number> {
  for (;;) {
    // The versions first: who has claimed before we look at the slots may have written rows already.
    const greatestWritten = await greatestEpoch(clickhouse, table)
    const slots = await slotsOf(clickhouse, topic)
    const own = slots.find((taken) => taken.topicId === topicId)
    if (own !== undefined) return own.epoch
    const epoch = Math.max(greatestWritten, ...slots.map((taken) => taken.epoch)) + 1
    assert(epoch <= epochMax, `epoch ${epoch} of ${topic} is within ${epochMax}`)
    if (await take(clickhouse, topic, { slot: next(slots), topicId, epoch })) return epoch
  }
}

function next(slots: readonly Slot[]): number {
  return (slots.at(-1)?.slot ?? 0) + 1
}

/** False where another has it. */
async function take(
  clickhouse: ClickHouse,
  topic: TopicName,
  { slot, ...content }: Slot,
): Promise<boolean> {
  const { topicId, epoch } = content
  const name = `${quoteIdentifier('tidemark')}.${quoteIdentifier(`${slotPrefix(topic)}${slot}`)}`
  const statement = `CREATE VIEW ${name} AS SELECT ${textLiteral(topic)} AS topic, ${textLiteral(topicId)} AS topic_id, ${epoch} AS epoch
COMMENT ${textLiteral(JSON.stringify(content))}`
  return await runCreate(clickhouse, statement, what)
}

/** Topics' names have signs that are none in the name of a table, and no bound that fits. */
function slotPrefix(topic: TopicName): string {
  const digest = createHash('sha256').update(topic).digest('hex').slice(0, 16)
  return `fact_epoch_${digest}_`
}

async function slotsOf(clickhouse: ClickHouse, topic: TopicName): Promise<readonly Slot[]> {
  const prefix = slotPrefix(topic)
  const rows = await ask<{ name: string; comment: string }>(
    clickhouse,
    `SELECT name, comment FROM system.tables
WHERE database = 'tidemark' AND startsWith(name, {prefix:String})`,
    { prefix },
  )
  return rows
    .map(({ name, comment }) => ({
      ...(JSON.parse(comment) as Omit<Slot, 'slot'>),
      slot: Number(name.slice(prefix.length)),
    }))
    .sort((left, right) => left.slot - right.slot)
}

async function greatestEpoch(clickhouse: ClickHouse, table: TableName): Promise<number> {
  const [row] = await ask<{ epoch: number }>(
    clickhouse,
    `SELECT toUInt32(bitShiftRight(max(version), 48)) AS epoch FROM ${qualifiedName(versionsTable(table))}`,
  )
  return row?.epoch ?? 0
}
