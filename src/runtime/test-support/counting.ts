/** A counting topology over in-memory or embedded storage, for the runtime's own tests. */
import { topicName } from '../../core/record.ts'
import { stringSerde } from '../../core/serde.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { defineTopology } from '../../topology/define.ts'
import { schemaOf } from './json-codec.ts'

export interface Word {
  readonly id: string
  readonly word: string
  readonly atMs: number
}

export const words: TopicDefinition<string, Word> = {
  name: topicName('words'),
  keySerde: stringSerde,
  keyOf: ({ word }) => (word === '' ? null : word),
  eventTimeMsOf: ({ atMs }) => atMs,
  schema: schemaOf('word'),
  cleanupPolicy: 'delete',
  retentionMs: null,
}

export const counts: TopicDefinition<string, number> = {
  name: topicName('counts'),
  keySerde: stringSerde,
  schema: schemaOf('count'),
  cleanupPolicy: 'compact',
  retentionMs: null,
}

export default defineTopology('counting', (builder) => {
  builder
    .stream('word', words)
    .groupByKey('by-word')
    .count('count', { store: 'counts', emit: 'on-commit' })
    .toStream('counted')
    .to('counts-out', counts)
})
