/** The same topologies as java/Windows.java: folds by key and window. A windowed key is text: key@start/end. */
import { present } from '../../../src/core/assert.ts'
import { stringSerde } from '../../../src/core/serde.ts'
import { numberSerde } from '../../../src/processors/number-serde.ts'
import type { Windowed } from '../../../src/processors/windowed.ts'
import { sessionWindows, tumblingWindows } from '../../../src/processors/windows.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { KTable } from '../../../src/topology/streams.ts'
import type { Parameters } from '../support/case.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { kept, numbers } from './aggregates.ts'
import { input, texts } from './stateless.ts'

const out = textTopic('out')
const counts = { store: 'windows' }

export const windows = {
  'tumbling-count': (b, p) => windowsOut(tumbling(b, p).count('counted', counts)),
  'tumbling-reduce': (b, p) =>
    windowsOut(tumbling(b, p).reduce('reduced', (text, value) => `${text},${value}`, kept)),
  'tumbling-aggregate': (b, p) =>
    windowsOut(
      tumbling(b, p).aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => (value === '1' ? null : text + value),
        kept,
      ),
    ),
  'tumbling-by-new-key': (b, p) =>
    windowsOut(
      input(b)
        .groupBy('by-value', (_key, value) => value, texts)
        .windowedBy(tumblingOf(p))
        .count('counted', counts),
    ),
  'tumbling-by-window': (b, p) =>
    numbers(
      tumbling(b, p)
        .count('counted', counts)
        .groupBy('by-window', ({ windowStartMs }, count) => [String(windowStartMs), count], {
          keySerde: stringSerde,
          valueSerde: numberSerde,
        })
        .reduce(
          'summed',
          (sum, count) => sum + count,
          (sum, count) => sum - count,
          { store: 'sums' },
        ),
    ),
  'session-count': (b, p) => windowsOut(sessions(b, p).count('counted', counts)),
  'session-reduce': (b, p) =>
    windowsOut(sessions(b, p).reduce('reduced', (text, value) => `${text},${value}`, kept)),
  'session-aggregate': (b, p) =>
    windowsOut(
      sessions(b, p).aggregate(
        'aggregated',
        () => '',
        (_key, value, text) => text + value,
        (_key, one, other) => `${one}+${other}`,
        kept,
      ),
    ),
} satisfies Record<string, Build>

export function tumbling(builder: TopologyBuilder, parameters: Parameters) {
  return input(builder).groupByKey('by-key').windowedBy(tumblingOf(parameters))
}

function tumblingOf({ sizeMs, graceMs }: Parameters) {
  return tumblingWindows({
    sizeMs: present(sizeMs, 'a size'),
    graceMs: present(graceMs, 'a grace'),
  })
}

function sessions(builder: TopologyBuilder, { gapMs, graceMs }: Parameters) {
  const windowed = sessionWindows({
    gapMs: present(gapMs, 'a gap'),
    graceMs: present(graceMs, 'a grace'),
  })
  return input(builder).groupByKey('by-key').windowedBy(windowed)
}

export function windowsOut(table: KTable<Windowed<string>, number | string>): void {
  table
    .toStream('changes')
    .map(
      'as-text',
      ({ key, windowStartMs, windowEndMs }, value) =>
        [`${key}@${windowStartMs}/${windowEndMs}`, value === null ? null : String(value)] as const,
    )
    .to('to-out', out)
}
