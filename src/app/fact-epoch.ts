/**
 * The high bits of every row's version. Offsets grow while a log lives; where fact topics were thrown away and ClickHouse
 * was kept, a greater epoch lets the new rows replace the old ones all the same.
 */
import { randomUUID } from 'node:crypto'
import { TidemarkError } from '../core/errors.ts'
import { partition, storeName, type TopicName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import type { MetaRecord, MetaRecords } from './meta-records.ts'

const address = { store: storeName('tidemark.fact-epoch'), partition: partition(0) }
const key = Buffer.from('epoch')

/** Of a data directory, whose log is thrown away with it. */
export async function factEpoch(state: StateBackend, clickhouse: ClickHouse): Promise<number> {
  const [kept] = await state.readMany([{ ...address, key }])
  if (kept !== null && kept !== undefined) return kept.readUInt16BE(0)
  const epoch = (await greatestEpoch(clickhouse)) + 1
  const value = Buffer.alloc(2)
  value.writeUInt16BE(epoch)
  await state.write([{ ...address, key, value }])
  return epoch
}

/** Of an application, whose instances agree on it. */
export interface EpochState {
  /** Grows by one with each change. */
  readonly generation: number
  readonly epoch: number
  /** The identity of each fact topic, which is another after it was deleted and made anew. */
  readonly topics: Readonly<Record<string, string>>
}

const prefix = 'fact-epoch/'
/** Each is another instance's change that came first. */
const roundsMax = 20

/**
 * One epoch for all instances. Each proposes a next state under a key of its own; of the proposals of one generation the
 * first in the topic counts, for whoever reads it. A fact topic that was made anew starts a new epoch.
 */
export async function sharedFactEpoch(
  meta: MetaRecords,
  identities: ReadonlyMap<TopicName, string>,
  greatestUsed: () => Promise<number>,
): Promise<number> {
  for (let round = 0; round < roundsMax; round += 1) {
    const current = agreedEpoch(await meta.load())
    const next = nextEpoch(current, identities)
    if (next === null) return current?.epoch ?? 0
    const epoch =
      next.epoch === current?.epoch ? next.epoch : Math.max(next.epoch, (await greatestUsed()) + 1)
    const proposal: EpochState = { ...next, epoch }
    await meta.append([
      { key: `${prefix}${proposal.generation}/${randomUUID()}`, value: JSON.stringify(proposal) },
    ])
  }
  throw new TidemarkError(
    'SINK_UNAVAILABLE',
    `the epoch of the facts was changed by others ${roundsMax} times in a row`,
  )
}

/** The state that all readers of these records agree on; null before the first. */
export function agreedEpoch(records: readonly MetaRecord[]): EpochState | null {
  let agreed: EpochState | null = null
  for (const { key: name, value } of records) {
    if (!name.startsWith(prefix) || value === null) continue
    const proposal = JSON.parse(value) as EpochState
    if (proposal.generation === (agreed?.generation ?? 0) + 1) agreed = proposal
  }
  return agreed
}

/** Null where nothing has changed. */
function nextEpoch(
  current: EpochState | null,
  identities: ReadonlyMap<TopicName, string>,
): EpochState | null {
  const topics: Record<string, string> = { ...current?.topics }
  let isRemade = false
  let isNew = current === null
  for (const [name, identity] of identities) {
    const known = topics[name]
    if (known === identity) continue
    isNew = true
    if (known !== undefined) isRemade = true
    topics[name] = identity
  }
  if (!isNew) return null
  const epoch = (current?.epoch ?? 0) + (isRemade || current === null ? 1 : 0)
  return { generation: (current?.generation ?? 0) + 1, epoch, topics }
}

/** The greatest that any table of facts has rows of. */
export async function greatestEpoch(clickhouse: ClickHouse): Promise<number> {
  const found = await clickhouse.reader.query({
    query: `SELECT database, table FROM system.columns WHERE name = 'version' AND type = 'UInt64' AND endsWith(table, '_versions')`,
    format: 'JSONEachRow',
  })
  let greatest = 0
  for (const { database, table } of await found.json<{ database: string; table: string }>()) {
    const result = await clickhouse.reader.query({
      query: `SELECT toUInt32(bitShiftRight(max(version), 48)) AS epoch FROM ${database}.${table}`,
      format: 'JSONEachRow',
    })
    const [row] = await result.json<{ epoch: number }>()
    greatest = Math.max(greatest, row?.epoch ?? 0)
  }
  return greatest
}
