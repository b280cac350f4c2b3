/** The same topologies as java/OverlappingWindows.java: folds by windows of which a record belongs to several. */
import { present } from '../../../src/core/assert.ts'
import { hoppingWindows, slidingWindows } from '../../../src/processors/windows.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { TimeWindowedStream } from '../../../src/topology/streams.ts'
import type { Parameters } from '../support/case.ts'
import type { Build } from '../support/ours.ts'
import { kept } from './aggregates.ts'
import { input } from './stateless.ts'
import { windowsOut } from './windows.ts'

type Windowed = TimeWindowedStream<string, string>

const counts = { store: 'windows' }
const withComma = (text: string, value: string) => `${text},${value}`

export const overlappingWindows = {
  'hopping-count': (b, p) => windowsOut(hopping(b, p).count('counted', counts)),
  'hopping-reduce': (b, p) => windowsOut(hopping(b, p).reduce('reduced', withComma, kept)),
  'hopping-aggregate': (b, p) =>
    windowsOut(
      hopping(b, p).aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => (value === '1' ? null : text + value),
        kept,
      ),
    ),
  'sliding-count': (b, p) => windowsOut(sliding(b, p).count('counted', counts)),
  'sliding-reduce': (b, p) => windowsOut(sliding(b, p).reduce('reduced', withComma, kept)),
  'sliding-aggregate': (b, p) =>
    windowsOut(
      sliding(b, p).aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => text + value,
        kept,
      ),
    ),
} satisfies Record<string, Build>

export function hopping(builder: TopologyBuilder, parameters: Parameters): Windowed {
  const { sizeMs, advanceMs, graceMs } = parameters
  return input(builder)
    .groupByKey('by-key')
    .windowedBy(
      hoppingWindows({
        sizeMs: present(sizeMs, 'a size'),
        advanceMs: present(advanceMs, 'an advance'),
        graceMs: present(graceMs, 'a grace'),
      }),
    )
}

export function sliding(builder: TopologyBuilder, { differenceMs, graceMs }: Parameters): Windowed {
  return input(builder)
    .groupByKey('by-key')
    .windowedBy(
      slidingWindows({
        differenceMs: present(differenceMs, 'a difference'),
        graceMs: present(graceMs, 'a grace'),
      }),
    )
}
