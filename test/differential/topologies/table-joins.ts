/** The same topologies as java/TableJoins.java: tables with tables, by the same key. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { KTable } from '../../../src/topology/streams.ts'
import type { Build } from '../support/ours.ts'
import { table, tableOut } from './tables.ts'

const kept = { store: 'joined', valueSerde: stringSerde }

export const tableJoins = {
  'table-join': (b) => tableOut(table(b, 'table').join('joined', table(b, 'other'), joined, kept)),
  'table-left-join': (b) =>
    tableOut(table(b, 'table').leftJoin('joined', table(b, 'other'), joined, kept)),
  'table-outer-join': (b) =>
    tableOut(table(b, 'table').outerJoin('joined', table(b, 'other'), joined, kept)),
  'table-outer-join-of-filtered': (b) => {
    const left = notTwo(table(b, 'table'), 'left')
    const right = notTwo(table(b, 'other'), 'right').mapValues('marked', (value) => `${value}!`)
    tableOut(left.outerJoin('joined', right, joined, kept))
  },
  'table-join-of-joined': (b) => {
    const right = table(b, 'other')
    const once = table(b, 'table').join('joined', right, joined, kept)
    const again = { ...kept, store: 'again' }
    tableOut(once.leftJoin('joined-again', notTwo(right, 'right'), joined, again))
  },
} satisfies Record<string, Build>

function notTwo(rows: KTable<string, string>, name: string): KTable<string, string> {
  return rows.filter(name, (_key, value) => value !== '2')
}

function joined(value: string | null, other: string | null): string {
  return `${value}|${other}`
}
