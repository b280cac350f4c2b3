/** Clicks counted in every kind of store, for the tests of interactive queries. */
import { topicName } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { tupleSerde } from '../../core/tuple.ts'
import { numberSerde } from '../../processors/number-serde.ts'
import { sessionWindows, tumblingWindows } from '../../processors/windows.ts'
import { schemaOf } from '../../runtime/test-support/json-codec.ts'
import { defineTopology } from '../../topology/define.ts'
import type { TopologyGraph } from '../../topology/graph.ts'

export interface Click {
  readonly page: string
  readonly user: number
  readonly atMs: number
}

type PageAndUser = readonly [page: string, user: number]
const keySerde = tupleSerde<PageAndUser>()

export interface Clicks {
  readonly topology: TopologyGraph
  readonly clicks: TopicDefinition<PageAndUser, Click>
  readonly latest: TopicDefinition<PageAndUser, Click>
}

/** Under a name of their own on a log that others use too. */
export function clicksOf(name: string): Clicks {
  const clicks: TopicDefinition<PageAndUser, Click> = {
    name: topicName(`${name}-clicks`),
    keySerde,
    keyOf: ({ page, user }) => [page, user],
    eventTimeMsOf: ({ atMs }) => atMs,
    schema: schemaOf('click'),
    partitionCount: 4,
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
  const latest = { ...clicks, name: topicName(`${name}-latest`), cleanupPolicy: 'compact' as const }
  const topology = defineTopology(name, (builder) => {
    const stream = builder.stream('click', clicks)
    const byKey = stream.groupByKey('by-key')
    byKey.count('count', { store: 'counts', emit: 'on-commit' })
    byKey
      .windowedBy(tumblingWindows({ sizeMs: 100, graceMs: 1_000_000 }))
      .count('by-window', { store: 'windows', emit: 'on-commit' })
    byKey
      .windowedBy(sessionWindows({ gapMs: 50, graceMs: 1_000_000 }))
      .count('by-session', { store: 'sessions', emit: 'on-commit' })
    builder.table('last', latest, { store: 'last' })
    stream
      .mapValues('time', (click) => click?.atMs ?? null, { valueSerde: numberSerde })
      .toTable('time-then', { store: 'times', historyMs: 100 })
  })
  return { topology, clicks, latest }
}
