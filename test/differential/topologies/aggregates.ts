/** The same topologies as java/Aggregates.java: folds of a stream by key, without windows. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { KTable } from '../../../src/topology/streams.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { input, texts } from './stateless.ts'

const out = textTopic('out')
export const kept = { store: 'store', valueSerde: stringSerde }

export const aggregates = {
  count: (b) => numbers(input(b).groupByKey('by-key').count('counted', { store: 'store' })),
  'count-by-new-key': (b) =>
    numbers(
      input(b)
        .groupBy('by-value', (_key, value) => value, texts)
        .count('counted', { store: 'store' }),
    ),
  'count-after-select-key': (b) =>
    numbers(
      input(b)
        .selectKey('re-keyed', (_key, value) => value as string, texts)
        .groupByKey('by-value')
        .count('counted', { store: 'store' }),
    ),
  reduce: (b) =>
    input(b)
      .groupByKey('by-key')
      .reduce('reduced', (all, value) => `${all},${value}`, kept)
      .toStream('changes')
      .to('to-out', out),
  aggregate: (b) =>
    input(b)
      .groupByKey('by-key')
      .aggregate(
        'aggregated',
        () => '',
        (key, value, text) => `${text}${key}${value};`,
        kept,
      )
      .toStream('changes')
      .to('to-out', out),
  'aggregate-to-null': (b) =>
    input(b)
      .groupByKey('by-key')
      .aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => (value === '1' ? null : text + value),
        kept,
      )
      .toStream('changes')
      .to('to-out', out),
  'count-to-filter': (b) =>
    numbers(
      input(b)
        .groupByKey('by-key')
        .count('counted', { store: 'store' })
        .filter('even', (_key, count) => count % 2 === 0),
    ),
} satisfies Record<string, Build>

export function numbers(table: KTable<string, number>): void {
  table
    .toStream('changes')
    .mapValues('as-text', (count) => (count === null ? null : String(count)))
    .to('to-out', out)
}
