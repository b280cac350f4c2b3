import { hash } from 'node:crypto'
import { messageOf } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { avroSerde } from '../schema/avro-serde.ts'
import type { Draft } from './draft.ts'

/** How a table keeps the values of its topic where it is told nothing else: in Avro, under a layout byte made
 * from the schema, so that rows of another schema are refused instead of misread. */
export function tableValueSerde<V>(
  draft: Draft,
  table: string,
  topic: TopicDefinition<any, V>,
): Serde<NonNullable<V>> | null {
  const layout = hash('md5', JSON.stringify(topic.schema), 'buffer')[0] ?? 0
  try {
    return avroSerde<NonNullable<V>>(`table "${table}"`, layout, topic.schema)
  } catch (thrown) {
    draft.faults.push(
      `node "${table}": the schema of topic "${topic.name}" is not Avro (${messageOf(thrown)}), ` +
        'so the table needs a valueSerde',
    )
    return null
  }
}
