/** The same topologies as java/Tables.java: tables and folds of tables. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { KGroupedTable, KTable } from '../../../src/topology/streams.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { kept, numbers } from './aggregates.ts'
import { passes, texts } from './stateless.ts'

const out = textTopic('out')

export const tables = {
  table: (b) => tableOut(table(b, 'table')),
  'table-filter': (b) => tableOut(table(b, 'table').filter('passing', passes)),
  'table-filter-not': (b) => tableOut(table(b, 'table').filterNot('not-passing', passes)),
  'table-map-values': (b) => tableOut(table(b, 'table').mapValues('mapped', mapped)),
  'table-filter-map-filter': (b) =>
    tableOut(
      table(b, 'table')
        .filter('first', (_key, value) => value !== '2')
        .mapValues('mapped', mapped)
        .filterNot('last', (_key, value) => value === '3!'),
    ),
  'table-count': (b) => numbers(grouped(table(b, 'table')).count('counted', { store: 'store' })),
  'table-reduce': (b) =>
    tableOut(
      grouped(table(b, 'table')).reduce(
        'reduced',
        (text, value) => `${text}+${value}`,
        (text, value) => `${text}-${value}`,
        kept,
      ),
    ),
  'table-aggregate': (b) =>
    tableOut(
      grouped(table(b, 'table')).aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => `${text}+${value}`,
        (_key, value, text) => (value === '12' ? null : `${text}-${value}`),
        kept,
      ),
    ),
  'table-count-of-filtered': (b) =>
    numbers(
      grouped(table(b, 'table').filter('passing', passes)).count('counted', { store: 'store' }),
    ),
  'to-table': (b) => tableOut(b.stream('rows', textTopic('table')).toTable('kept', kept)),
  'to-table-by-new-key': (b) =>
    tableOut(
      b
        .stream('rows', textTopic('table'))
        .selectKey(
          'marked',
          (key: string | null) => (key === null ? (key as never) : `${key}!`),
          texts,
        )
        .toTable('kept', kept),
    ),
} satisfies Record<string, Build>

export function table(builder: TopologyBuilder, topic: string): KTable<string, string> {
  return builder.table(`the-${topic}`, textTopic(topic), {
    store: `rows-of-${topic}`,
    valueSerde: stringSerde,
  })
}

export function tableOut(rows: KTable<string, string>): void {
  rows.toStream('changes').to('to-out', out)
}

/** By the value's first letter. */
function grouped(rows: KTable<string, string>): KGroupedTable<string, string> {
  const byFirstLetter = (_key: string, value: string) => [firstLetter(value)!, value] as const
  return rows.groupBy('by-first-letter', byFirstLetter, texts)
}

export function firstLetter(value: string): string | null {
  return value === '' ? null : value.slice(0, 1)
}

function mapped(value: string): string | null {
  return value === '1' ? null : `${value}!`
}
