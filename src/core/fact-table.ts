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
}
