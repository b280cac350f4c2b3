import { topicName } from '../core/record.ts'
import { tupleSerde, type KeyPart } from '../core/tuple.ts'
import { loadSchema } from '../schema/schema-files.ts'
import type { FactTable } from '../core/fact-table.ts'
import { notesByTable } from './columns/all.ts'

/** What every fact row carries besides its own columns. */
export interface FactMetadata {
  /** The greatest event time that the row rests on, milliseconds since the epoch. */
  readonly event_time: number
  /** When the row was computed, milliseconds since the epoch. */
  readonly known_at: number
}

/** A fact table whose topic is `database.table` and whose schema is the Avro file of that name. */
export function defineFactTable<Key extends readonly KeyPart[], Row extends FactMetadata>(
  database: string,
  table: string,
  keyColumns: readonly (keyof Row & string)[],
): FactTable<Key, Row> {
  const name = `${database}.${table}`
  const notes = notesByTable[name]
  return {
    database,
    table,
    keyColumns,
    topic: {
      name: topicName(name),
      keySerde: tupleSerde<Key>(),
      keyOf: (row) => keyColumns.map((column) => row[column]) as readonly unknown[] as Key,
      eventTimeMsOf: (row) => row.event_time,
      schema: loadSchema(name),
      cleanupPolicy: 'compact',
      retentionMs: null,
    },
    ...(notes === undefined ? {} : { notes }),
  }
}
