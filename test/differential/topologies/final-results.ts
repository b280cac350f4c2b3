/** The same topologies as java/FinalResults.java: windows that put out their last value alone, and tables that put out
 * less often than they change. */
import { present } from '../../../src/core/assert.ts'
import { sessionWindows, tumblingWindows } from '../../../src/processors/windows.ts'
import { numberSerde } from '../../../src/processors/number-serde.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { Suppressed } from '../../../src/topology/streams.ts'
import type { Parameters } from '../support/case.ts'
import type { Build } from '../support/ours.ts'
import { numbers } from './aggregates.ts'
import { hopping, sliding } from './overlapping-windows.ts'
import { input } from './stateless.ts'
import { table, tableOut } from './tables.ts'
import { windowsOut } from './windows.ts'

const onClose = { store: 'windows', emit: 'on-window-close' } as const
const windows = { store: 'windows' }
const waiting = { store: 'waiting', valueSerde: numberSerde }
const untilClose: Suppressed = { kind: 'until-window-closes' }

export const finalResults = {
  'tumbling-on-close': (b, p) => windowsOut(tumbling(b, p).count('counted', onClose)),
  'hopping-on-close': (b, p) => windowsOut(hopping(b, p).count('counted', onClose)),
  'sliding-on-close': (b, p) => windowsOut(sliding(b, p).count('counted', onClose)),
  'session-on-close': (b, p) => windowsOut(sessions(b, p).count('counted', onClose)),
  'tumbling-suppressed': (b, p) =>
    windowsOut(tumbling(b, p).count('counted', windows).suppress('final', untilClose, waiting)),
  'hopping-suppressed': (b, p) =>
    windowsOut(
      hopping(b, p)
        .count('counted', windows)
        .filter('not-two', (_key, count) => count !== 2)
        .suppress('final', untilClose, waiting),
    ),
  'sliding-suppressed': (b, p) =>
    windowsOut(sliding(b, p).count('counted', windows).suppress('final', untilClose, waiting)),
  'session-suppressed': (b, p) =>
    windowsOut(sessions(b, p).count('counted', windows).suppress('final', untilClose, waiting)),
  'count-suppressed': (b, p) =>
    numbers(
      input(b)
        .groupByKey('by-key')
        .count('counted', { store: 'counts' })
        .suppress('calmed', untilLimit(p), { store: 'waiting' }),
    ),
  'table-suppressed': (b, p) =>
    tableOut(table(b, 'table').suppress('calmed', untilLimit(p), { store: 'waiting' })),
} satisfies Record<string, Build>

function untilLimit({ limitMs }: Parameters): Suppressed {
  return { kind: 'until-time-limit', limitMs: present(limitMs, 'a limit') }
}

function tumbling(builder: TopologyBuilder, { sizeMs, graceMs }: Parameters) {
  const size = { sizeMs: present(sizeMs, 'a size'), graceMs: present(graceMs, 'a grace') }
  return input(builder).groupByKey('by-key').windowedBy(tumblingWindows(size))
}

function sessions(builder: TopologyBuilder, { gapMs, graceMs }: Parameters) {
  const gap = { gapMs: present(gapMs, 'a gap'), graceMs: present(graceMs, 'a grace') }
  return input(builder).groupByKey('by-key').windowedBy(sessionWindows(gap))
}
