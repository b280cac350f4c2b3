/** The same topologies as java/Errors.java: functions that throw on some values, whose records are left out. */
import { stringSerde } from '../../../src/core/serde.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { kept, numbers } from './aggregates.ts'
import { input } from './stateless.ts'
import { tableOut } from './tables.ts'
import { tumbling, windowsOut } from './windows.ts'

const out = textTopic('out')
const texts = { valueSerde: stringSerde }

export const errors = {
  'errors-map-values': (b) => {
    input(b).mapValues('marked', marked).to('to-out', out)
  },
  'errors-filter': (b) => {
    input(b)
      .filter('passing', (_key, value) => marked(value) !== null)
      .to('to-out', out)
  },
  'errors-above-a-count': (b) => {
    const grouped = input(b).mapValues('marked', marked, texts).groupByKey('by-key')
    numbers(grouped.count('counted', { store: 'counts' }))
  },
  'errors-aggregate': (b) => {
    const grouped = input(b).groupByKey('by-key')
    tableOut(grouped.aggregate('folded', () => '', fold, kept))
  },
  'errors-tumbling': (b, p) => {
    windowsOut(tumbling(b, p).aggregate('folded', () => '', fold, kept))
  },
  'errors-join': (b) => {
    const table = b.table('rows', textTopic('table'), { store: 'rows', ...texts })
    input(b)
      .leftJoin('joined', table, (value, row) => `${marked(value)}${row}`)
      .to('to-out', out)
  },
} satisfies Record<string, Build>

function marked(value: string | null): string | null {
  if (value === null) return null
  if (value.includes('2')) throw new RangeError(value)
  return `${value}!`
}

function fold(_key: string, value: string, text: string): string {
  if (value.includes('1') && text !== '') throw new RangeError(value)
  return text + value
}
