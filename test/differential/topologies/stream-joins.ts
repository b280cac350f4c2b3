/** The same topologies as java/StreamJoins.java: streams with streams. */
import { present } from '../../../src/core/assert.ts'
import { stringSerde } from '../../../src/core/serde.ts'
import { joinWindows } from '../../../src/processors/windows.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { Parameters } from '../support/case.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { input, texts } from './stateless.ts'

const out = textTopic('out')
const kept = { store: 'joined', valueSerde: stringSerde, otherValueSerde: stringSerde }

export const streamJoins = {
  'stream-join': (b, p) => {
    input(b).join('joined', other(b), joined, windows(p), kept).to('to-out', out)
  },
  'stream-left-join': (b, p) => {
    input(b).leftJoin('joined', other(b), joined, windows(p), kept).to('to-out', out)
  },
  'stream-outer-join': (b, p) => {
    input(b).outerJoin('joined', other(b), joined, windows(p), kept).to('to-out', out)
  },
  'stream-inner-before-and-after': (b, p) => {
    input(b).join('joined', other(b), joined, unevenWindows(p), kept).to('to-out', out)
  },
  'stream-left-before-and-after': (b, p) => {
    input(b).leftJoin('joined', other(b), joined, unevenWindows(p), kept).to('to-out', out)
  },
  'stream-outer-before-and-after': (b, p) => {
    input(b).outerJoin('joined', other(b), joined, unevenWindows(p), kept).to('to-out', out)
  },
  'stream-join-by-new-key': (b, p) => {
    input(b)
      .selectKey('by-value', (_key, value) => value as string, texts)
      .join('joined', other(b), joined, windows(p), kept)
      .to('to-out', out)
  },
} satisfies Record<string, Build>

function other(builder: TopologyBuilder) {
  return builder.stream('other', textTopic('other'))
}

function windows({ differenceMs, graceMs }: Parameters) {
  return joinWindows({
    differenceMs: present(differenceMs, 'a difference'),
    graceMs: present(graceMs, 'a grace'),
  })
}

function unevenWindows({ beforeMs, afterMs, graceMs }: Parameters) {
  return joinWindows({
    beforeMs: present(beforeMs, 'a before'),
    afterMs: present(afterMs, 'an after'),
    graceMs: present(graceMs, 'a grace'),
  })
}

function joined(value: string | null, other: string | null): string {
  return `${value}|${other}`
}
