/** Clicks counted in every kind of store, for the tests of interactive queries. */
import { topicName } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { tupleSerde } from '../../core/tuple.ts'
import { sessionWindows, tumblingWindows } from '../../processors/windows.ts'
import { schemaOf } from '../../runtime/test-support/json-codec.ts'
import { defineTopology } from '../../topology/define.ts'

export interface Click {
  readonly page: string
  readonly user: number
  readonly atMs: number
}

type PageAndUser = readonly [page: string, user: number]
const keySerde = tupleSerde<PageAndUser>()

export const clicks: TopicDefinition<PageAndUser, Click> = {
  name: topicName('clicks'),
  keySerde,
  keyOf: ({ page, user }) => [page, user],
  eventTimeMsOf: ({ atMs }) => atMs,
  schema: schemaOf('click'),
  partitionCount: 4,
  cleanupPolicy: 'delete',
  retentionMs: null,
}

export const latest: TopicDefinition<PageAndUser, Click> = {
  ...clicks,
  name: topicName('latest'),
  cleanupPolicy: 'compact',
}

export const clicksTopology = defineTopology('clicks', (builder) => {
  const byKey = builder.stream('click', clicks).groupByKey('by-key')
  byKey.count('count', { store: 'counts', emit: 'on-commit' })
  byKey
    .windowedBy(tumblingWindows({ sizeMs: 100, graceMs: 1_000_000 }))
    .count('by-window', { store: 'windows', emit: 'on-commit' })
  byKey
    .windowedBy(sessionWindows({ gapMs: 50, graceMs: 1_000_000 }))
    .count('by-session', { store: 'sessions', emit: 'on-commit' })
  builder.table('last', latest, { store: 'last' })
})
