/** The same topologies as java/Stateless.java: operators that look at one record and nothing else. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { KStream } from '../../../src/topology/streams.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'

const out = textTopic('out')
/** A key may be null, which the DSL's types leave to its users. */
const asKey = (value: string | null) => value as string
export const texts = { keySerde: stringSerde, valueSerde: stringSerde }

export const stateless = {
  map: (b) =>
    input(b)
      .map('swapped', (key, value) => [asKey(value), key], texts)
      .to('to-out', out),
  'map-values': (b) => input(b).mapValues('changed', changed).to('to-out', out),
  'map-values-with-key': (b) =>
    input(b)
      .mapValues('named', (value, key) => `${key}=${value}`)
      .to('to-out', out),
  'flat-map': (b) =>
    input(b)
      .flatMap('letters', (key, value) => letters(value).map((letter) => [letter, key] as const))
      .to('to-out', out),
  'flat-map-values': (b) => input(b).flatMapValues('letters', letters).to('to-out', out),
  filter: (b) => input(b).filter('passing', passes).to('to-out', out),
  'filter-not': (b) => input(b).filterNot('not-passing', passes).to('to-out', out),
  peek: (b) =>
    input(b)
      .peek('seen', () => undefined)
      .to('to-out', out),
  'select-key': (b) =>
    input(b)
      .selectKey('by-value', (_key, value) => asKey(value))
      .to('to-out', out),
  branch: (b) => {
    const branches = input(b).branch('split', {
      a: (key) => key === 'a',
      passes,
      rest: (_key, value) => value !== null,
    })
    branches.a.to('to-a', textTopic('out-a'))
    branches.passes.to('to-passes', textTopic('out-passes'))
    branches.rest.to('to-rest', textTopic('out-rest'))
  },
  merge: (b) => {
    const other = b.stream('other', textTopic('other')).mapValues('changed', changed)
    input(b).merge('merged', other).to('to-out', out)
  },
  repartition: (b) => input(b).repartition('again', texts).to('to-out', out),
  'repartition-by-new-key': (b) =>
    input(b)
      .selectKey('by-value', (_key, value) => asKey(value))
      .repartition('again', texts)
      .to('to-out', out),
  'several-children': (b) => {
    const stream = input(b)
    stream.filter('passing', passes).to('to-1', textTopic('out-1'))
    stream.mapValues('changed', changed).to('to-2', textTopic('out-2'))
  },
} satisfies Record<string, Build>

/** A source that knows its value serde, as Java's default serdes give it. */
export function input(builder: TopologyBuilder): KStream<string, string | null> {
  return builder.stream('input', textTopic('input'))
}

export function passes(_key: string, value: string | null): boolean {
  return value?.includes('1') ?? false
}

export function changed(value: string | null): string | null {
  if (value === null) return 'none'
  return value === '1' ? null : `${value}!`
}

function letters(value: string | null): string[] {
  return value === null ? [] : Array.from(value)
}
