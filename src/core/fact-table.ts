/**
 * A fact table: the rows we promise. Its topic carries them as versioned upserts; the sink puts the topic's
 * current rows where readers query them. The columns are the fields of the Avro schema, under the same names.
 */
import type { TopicDefinition } from './topic.ts'
import type { KeyPart } from './tuple.ts'

export interface FactTable<Key extends readonly KeyPart[] = readonly KeyPart[], Row = unknown> {
  readonly database: string
  readonly table: string
  /** The columns that make a row's key, in the order of the topic's key. */
  readonly keyColumns: readonly string[]
  readonly topic: TopicDefinition<Key, Row>
  /** Its rows tell what was known at a time: they follow from the order in which events came, and not from the events
   * alone, so that a replay may have others. */
  readonly followsDelivery?: true
  /** Units and formulas, for the documentation. */
  readonly notes?: TableNotes
}

export interface TableNotes {
  /** Of a view that has no fact topic of its own. */
  readonly meaning?: string
  /** The topics its columns come from, where the processor before it reads more. */
  readonly sources?: readonly string[]
  /** What its columns come from, of a table that no topology writes. */
  readonly origin?: string
  /** By the column's name. */
  readonly columns: Readonly<Record<string, ColumnNote>>
}

export interface ColumnNote {
  /** Of a number: what one of it is. Times, truth values and texts need none. */
  readonly unit?: string
  /**
   * How it is computed. Names in backticks are columns of the same table, fields of source events (`topic.field`) or
   * columns of other tables (`database.table.column`), and are where the column comes from.
   */
  readonly formula?: string
  /** The fields that it is taken from as they are, where they have another name or only some of them count. */
  readonly from?: readonly string[]
  /** Of a column that only a view has. */
  readonly meaning?: string
}
