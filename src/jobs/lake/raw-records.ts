/** Records of a topic as rows of the lake: what a producer sent as JSON, or its bytes where it cannot be read as such. */
import { messageOf } from '../../core/errors.ts'
import type { ConsumerRecord, TopicPartition } from '../../core/record.ts'
import { jsonForm } from '../../runtime/queries/json-form.ts'
import type { LakeColumn } from '../../sinks/lake/parquet-columns.ts'
import type { LakeTopic } from './lake-options.ts'

function column(name: string, type: string, isBytes = false): LakeColumn {
  return { name, type, isBytes }
}

export const rawColumns: readonly LakeColumn[] = [
  column('topic', 'String'),
  column('partition', 'Int32'),
  column('offset', 'Int64'),
  column('timestamp', `DateTime64(3, 'UTC')`),
  column('key', 'Nullable(String)'),
  column('value', 'Nullable(String)'),
  column('key_bytes', 'Nullable(String)', true),
  column('value_bytes', 'Nullable(String)', true),
  column('fault', 'Nullable(String)'),
]

/** A list of values a column, in the order of `rawColumns`. */
export type RawValues = unknown[][]

export function emptyValues(): RawValues {
  return rawColumns.map(() => [])
}

/** The schemas of the records' writers must be known by now (`codec.prepare`). */
export function addRecord(
  values: RawValues,
  topic: LakeTopic,
  at: TopicPartition,
  record: ConsumerRecord,
): void {
  const key = asJson(record.key, (bytes) => topic.definition.keySerde.deserialize(bytes))
  const value = asJson(record.value, (bytes) => topic.codec.decode(bytes))
  const row = [
    at.topic,
    at.partition,
    BigInt(record.offset),
    BigInt(Math.trunc(record.timestampMs)),
    key.text,
    value.text,
    key.bytes,
    value.bytes,
    value.fault ?? key.fault,
  ]
  for (const [index, cell] of row.entries()) values[index]?.push(cell)
}

interface Told {
  readonly text: string | null
  readonly bytes: Buffer | null
  readonly fault: string | null
}

function asJson(bytes: Buffer | null, decode: (bytes: Buffer) => unknown): Told {
  if (bytes === null) return { text: null, bytes: null, fault: null }
  try {
    return { text: JSON.stringify(jsonForm(decode(bytes))), bytes: null, fault: null }
  } catch (thrown) {
    // A copy: what was fetched goes.
    return { text: null, bytes: Buffer.from(bytes), fault: messageOf(thrown) }
  }
}
