/** The same topologies as java/Joins.java: streams with tables, with global tables, tables by a foreign key. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { GlobalTable, KTable } from '../../../src/topology/streams.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { input, passes, texts } from './stateless.ts'
import { firstLetter, table, tableOut } from './tables.ts'

const out = textTopic('out')
const joinedRows = { store: 'joined', valueSerde: stringSerde }

export const joins = {
  join: (b) => input(b).join('joined', table(b, 'table'), joined).to('to-out', out),
  'left-join': (b) => input(b).leftJoin('joined', table(b, 'table'), joined).to('to-out', out),
  'join-with-filtered': (b) => {
    const rows = table(b, 'table')
      .filter('passing', passes)
      .mapValues('marked', (value) => `${value}!`)
    input(b).leftJoin('joined', rows, joined).to('to-out', out)
  },
  'join-by-new-key': (b) =>
    input(b)
      .selectKey('by-value', (_key, value) => value as string, texts)
      .join('joined', table(b, 'table'), joined)
      .to('to-out', out),
  'join-with-counts': (b) => {
    const counts = b
      .stream('counted-stream', textTopic('table'))
      .groupByKey('by-key')
      .count('counted', { store: 'counts' })
    input(b)
      .leftJoin('joined', counts, (value, count) => `${value}|${count}`)
      .to('to-out', out)
  },
  'join-with-itself': (b) => {
    const rows = table(b, 'table')
    rows.toStream('changes').leftJoin('joined', rows, joined).to('to-out', out)
  },
  'global-join': (b) => {
    input(b)
      .join('joined', global(b), (_key, value) => value, joined)
      .to('to-out', out)
  },
  'global-left-join': (b) => {
    input(b)
      .leftJoin('joined', global(b), (_key, value) => value, joined)
      .to('to-out', out)
  },
  'global-join-by-key': (b) => {
    input(b)
      .join('joined', global(b), (key) => key, joined)
      .to('to-out', out)
  },
  'foreign-key-join': (b) =>
    tableOut(
      table(b, 'table').foreignKeyJoin(
        'joined',
        table(b, 'other'),
        firstLetter,
        joined,
        joinedRows,
      ),
    ),
  'foreign-key-left-join': (b) =>
    tableOut(
      table(b, 'table').foreignKeyLeftJoin(
        'joined',
        table(b, 'other'),
        firstLetter,
        joined,
        joinedRows,
      ),
    ),
  'foreign-key-join-of-filtered': (b) => {
    const notTwo = (rows: KTable<string, string>, name: string) =>
      rows.filter(name, (_key, value) => value !== '2')
    const left = notTwo(table(b, 'table'), 'left')
    const right = notTwo(table(b, 'other'), 'right')
    tableOut(left.foreignKeyJoin('joined', right, firstLetter, joined, joinedRows))
  },
} satisfies Record<string, Build>

function global(builder: TopologyBuilder): GlobalTable<string, string> {
  return builder.globalTable('rows', textTopic('table'), { store: 'rows', valueSerde: stringSerde })
}

function joined(value: string, other: string | null): string {
  return `${value}|${other}`
}
