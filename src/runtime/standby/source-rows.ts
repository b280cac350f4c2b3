/**
 * A table restored from the topic it is read from: the rule of `processors/table-source.ts` over its records once
 * more. A row is beaten by a greater event time, then by a delete, then by greater bytes.
 */
import type { ConsumerRecord, Partition, StoreName } from '../../core/record.ts'
import type { StateBackend, StateChange } from '../../core/state.ts'
import type { Timestamped } from '../../processors/timestamped.ts'
import { dataKey, frameValue, unframeValue } from '../../state/key-layout.ts'
import type { Codecs } from '../codecs.ts'
import type { SourceTable } from '../kept-task.ts'
import { decodeExternal } from '../source-decoder.ts'

interface Update {
  readonly key: Buffer
  readonly row: Timestamped<unknown>
  readonly bytes: Buffer
}

export interface SourceRowsOptions {
  readonly state: StateBackend
  readonly codecs: Codecs
  readonly store: StoreName
  readonly partition: Partition
}

export async function changesOfSource(
  source: SourceTable,
  records: readonly ConsumerRecord[],
  { state, codecs, store, partition }: SourceRowsOptions,
): Promise<StateChange[]> {
  const codec = codecs.of(source.topic)
  await codec.prepare(records.map(({ value }) => value))
  const updates = records.flatMap((record) => updateOf(source, codec, record) ?? [])
  const keys = new Map(updates.map(({ key }) => [key.toString('latin1'), key]))
  const addresses = [...keys.values()].map((key) => ({ store, partition, key }))
  const found = await state.readMany(addresses)
  const rows = new Map<string, Update>()
  for (const [index, text] of [...keys.keys()].entries()) {
    const framed = found[index] ?? null
    const key = keys.get(text)
    if (framed === null || key === undefined) continue
    const bytes = unframeValue(framed, store)
    const row = source.definition.valueSerde.deserialize(bytes) as Timestamped<unknown>
    rows.set(text, { key, row, bytes })
  }
  const changed = new Map<string, Update>()
  for (const update of updates) {
    const text = update.key.toString('latin1')
    const row = rows.get(text)
    if (row !== undefined && compare(update, row) <= 0) continue
    rows.set(text, update)
    changed.set(text, update)
  }
  return [...changed.values()].map(({ key, bytes }) => ({
    store,
    partition,
    key,
    value: frameValue(bytes),
  }))
}

/** Null where the task has not taken the record either: it is in quarantine, or counted as dropped. */
function updateOf(
  { topic, definition }: SourceTable,
  codec: Parameters<typeof decodeExternal>[1],
  record: ConsumerRecord,
): Update | null {
  try {
    const { key, value, timestampMs } = decodeExternal(topic, codec, record)
    if (key === null || key === undefined) return null
    const row = { value: value ?? null, timestampMs }
    const text = definition.keySerde.serialize(key).toString('latin1')
    return { key: dataKey(text), row, bytes: definition.valueSerde.serialize(row) }
  } catch {
    return null
  }
}

/** Above 0 where the update beats the row. The bytes of two values of one moment differ in the values alone. */
function compare(update: Update, row: Update): number {
  if (update.row.timestampMs !== row.row.timestampMs) {
    return update.row.timestampMs - row.row.timestampMs
  }
  if (update.row.value === null || row.row.value === null) {
    return Number(update.row.value === null) - Number(row.row.value === null)
  }
  return Buffer.compare(update.bytes, row.bytes)
}
