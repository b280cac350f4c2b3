/** The same topologies as java/AsOfJoins.java: streams with versioned tables, each record with the row of its time. */
import { present } from '../../../src/core/assert.ts'
import { stringSerde } from '../../../src/core/serde.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { Parameters } from '../support/case.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { input, passes } from './stateless.ts'

const out = textTopic('out')

export const asOfJoins = {
  'as-of-join': (b, p) => input(b).join('joined', versioned(b, p), joined).to('to-out', out),
  'as-of-left-join': (b, p) =>
    input(b).leftJoin('joined', versioned(b, p), joined).to('to-out', out),
  'as-of-join-with-filtered': (b, p) => {
    const rows = versioned(b, p)
      .filter('passing', passes)
      .mapValues('marked', (value) => `${value}!`)
    input(b).leftJoin('joined', rows, joined).to('to-out', out)
  },
} satisfies Record<string, Build>

function versioned(builder: TopologyBuilder, { historyMs }: Parameters) {
  return builder.table('rows', textTopic('table'), {
    store: 'rows',
    valueSerde: stringSerde,
    historyMs: present(historyMs, 'a history'),
  })
}

function joined(value: string, row: string | null): string {
  return `${value}|${row}`
}
