/** The same topologies as java/Cogroups.java: several grouped streams in one aggregate. */
import { present } from '../../../src/core/assert.ts'
import { sessionWindows, slidingWindows, tumblingWindows } from '../../../src/processors/windows.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { CogroupedStream } from '../../../src/topology/streams.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { kept } from './aggregates.ts'
import { input, texts } from './stateless.ts'
import { tableOut } from './tables.ts'
import { windowsOut } from './windows.ts'

const nothing = () => ''

export const cogroups = {
  cogroup: (b) => tableOut(both(b).aggregate('folded', nothing, kept)),
  'cogroup-by-new-key': (b) =>
    tableOut(
      input(b)
        .groupBy('by-value', (_key, value) => value, texts)
        .cogroup<string>((_key, value, text) => text + value)
        .cogroup(other(b), (_key, value, text) => `${text}-${value}`)
        .aggregate('folded', nothing, kept),
    ),
  'cogroup-tumbling': (b, { sizeMs, graceMs }) => {
    const size = { sizeMs: present(sizeMs, 'a size'), graceMs: present(graceMs, 'a grace') }
    windowsOut(both(b).windowedBy(tumblingWindows(size)).aggregate('folded', nothing, kept))
  },
  'cogroup-sliding': (b, { differenceMs, graceMs }) => {
    const windows = slidingWindows({
      differenceMs: present(differenceMs, 'a difference'),
      graceMs: present(graceMs, 'a grace'),
    })
    windowsOut(both(b).windowedBy(windows).aggregate('folded', nothing, kept))
  },
  'cogroup-session': (b, { gapMs, graceMs }) => {
    const gap = { gapMs: present(gapMs, 'a gap'), graceMs: present(graceMs, 'a grace') }
    const merger = (_key: string, one: string, more: string) => `${one}+${more}`
    windowsOut(both(b).windowedBy(sessionWindows(gap)).aggregate('folded', nothing, merger, kept))
  },
} satisfies Record<string, Build>

/** Values of one stream behind a plus, of the other behind a minus. */
function both(builder: TopologyBuilder): CogroupedStream<string, string> {
  return input(builder)
    .groupByKey('by-key')
    .cogroup<string>((_key, value, text) => `${text}+${value}`)
    .cogroup(other(builder), (_key, value, text) => `${text}-${value}`)
}

function other(builder: TopologyBuilder) {
  return builder.stream('other', textTopic('other')).groupByKey('other-by-key')
}
