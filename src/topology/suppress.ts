import { bytesSerde } from '../core/serde.ts'
import { bufferedSerde } from '../processors/buffered.ts'
import { SuppressProcessor } from '../processors/suppress.ts'
import { suppressedView } from '../processors/table-view.ts'
import { waitingSerde } from '../processors/time-ordered-buffer.ts'
import type { Windowed } from '../processors/windowed.ts'
import { closeMsOf } from '../processors/windows.ts'
import type { Draft } from './draft.ts'
import { keyValueStore } from './stores.ts'
import type { Suppressed, SuppressOptions, TablePosition } from './streams.ts'

export function addSuppress<K, V>(
  draft: Draft,
  name: string,
  at: TablePosition<K, V>,
  suppressed: Suppressed,
  { store: storeName, ...serdes }: SuppressOptions<K, V>,
): TablePosition<K, V> {
  const keySerde = draft.serde(serdes.keySerde ?? at.keySerde, name, 'a keySerde')
  const valueSerde = draft.serde(serdes.valueSerde ?? at.valueSerde, name, 'a valueSerde')
  const store = draft.store(keyValueStore(storeName, keySerde, bufferedSerde(valueSerde)))
  const times = draft.store(keyValueStore(`${storeName}-times`, waitingSerde, bytesSerde))
  const dueMsOf = dueMsBy(draft, name, at, suppressed)
  const isFinal = suppressed.kind === 'until-window-closes'
  const supplier = () => new SuppressProcessor<K, V>({ store, times, keySerde, dueMsOf, isFinal })
  const node = draft.processor(name, [at.node], supplier, [store, times])
  return { ...at, node, keySerde, valueSerde, view: suppressedView(at.view, store) }
}

function dueMsBy<K, V>(
  draft: Draft,
  name: string,
  { windows }: TablePosition<K, V>,
  suppressed: Suppressed,
): (key: K, timestampMs: number) => number {
  if (suppressed.kind === 'until-time-limit') {
    const { limitMs } = suppressed
    if (!Number.isSafeInteger(limitMs) || limitMs < 0) {
      draft.faults.push(
        `node "${name}": limitMs is ${limitMs}; use a whole number of milliseconds, 0 or more`,
      )
    }
    return (_key, timestampMs) => timestampMs + limitMs
  }
  if (windows === undefined) {
    draft.faults.push(
      `node "${name}" waits until windows close, and its table has none: suppress the windowed table itself, ` +
        'or one that only filters it or maps its values',
    )
    return () => 0
  }
  return (key) => closeMsOf(windows, (key as Windowed<unknown>).windowEndMs)
}
