/** The folds of one or more grouped streams in the graph: one node and one store each, however many inputs. */
import { AggregateProcessor } from '../processors/aggregate.ts'
import type { Add } from '../processors/aggregate.ts'
import { SessionAggregateProcessor } from '../processors/session-aggregate.ts'
import { SlidingAggregateProcessor } from '../processors/sliding-aggregate.ts'
import { keyValueView, sessionView, windowView } from '../processors/table-view.ts'
import { waitingSerde } from '../processors/time-ordered-buffer.ts'
import type { EmitOfWindows, WindowEmitterOptions } from '../processors/window-emitter.ts'
import { WindowedAggregateProcessor } from '../processors/windowed-aggregate.ts'
import { windowedSerde } from '../processors/windowed.ts'
import type { Windowed } from '../processors/windowed.ts'
import { retentionMsOf, sessionRetentionMs, windowFaults } from '../processors/windows.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, Windows } from '../processors/windows.ts'
import type { Draft, TableStore } from './draft.ts'
import type { NodeName } from './graph.ts'
import { keyValueStore, sessionStore, windowStore } from './stores.ts'
import type { KTable, Materialized, StreamPosition, WindowedMaterialized } from './streams.ts'
import { expiringOf } from './time-to-live.ts'

/** A grouped stream and how its values go into the aggregate. */
export interface Input<K, A, R = A | null> {
  readonly at: StreamPosition<K, any>
  readonly add: (key: K, value: any, aggregate: A | null) => R
}

export function addAggregate<K, A>(
  draft: Draft,
  name: string,
  inputs: readonly Input<K, A>[],
  materialized: Materialized<K, A>,
): KTable<K, A> {
  const kept = draft.tableStore<K, A>(name, knownOf(inputs), materialized)
  const add = addOf(inputs)
  const supplier = () => new AggregateProcessor<K, any, A>({ ...kept, add })
  const node = draft.processor(name, parentsOf(inputs), supplier, [kept.store])
  const view = keyValueView<K, A>(kept.store, kept.storedSerde)
  const { keySerde, valueSerde } = kept
  const expiring = expiringOf(name, materialized)
  return draft.forms.table<K, A>(draft, { node, keySerde, valueSerde, view, ...expiring })
}

export function addWindowedAggregate<K, A>(
  draft: Draft,
  name: string,
  inputs: readonly Input<K, A>[],
  windows: TimeWindows | SlidingWindows,
  materialized: WindowedMaterialized<K, A>,
): KTable<Windowed<K>, A> {
  const kept = windowedSerdes(draft, name, inputs, windows, materialized)
  const definition = windowStore(materialized.store, kept.keySerde, kept.storedSerde, {
    windowSizeMs: windows.kind === 'sliding' ? windows.differenceMs : windows.sizeMs,
    retentionMs: retentionMsOf(windows),
  })
  const store = draft.store(definition)
  const add = addOf(inputs)
  const supplier =
    windows.kind === 'sliding'
      ? () => new SlidingAggregateProcessor<K, any, A>({ ...kept, windows, store, add })
      : () => new WindowedAggregateProcessor<K, any, A>({ ...kept, windows, store, add })
  const node = draft.processor(name, parentsOf(inputs), supplier, storesOf(store, kept))
  return draft.forms.table<Windowed<K>, A>(draft, {
    node,
    keySerde: windowedSerde(kept.keySerde),
    valueSerde: kept.valueSerde,
    view: windowView<K, A>(store, kept.storedSerde),
    windows,
  })
}

export function addSessionAggregate<K, A>(
  draft: Draft,
  name: string,
  inputs: readonly Input<K, A, A>[],
  windows: SessionWindows,
  merge: (key: K, one: A | null, other: A) => A,
  materialized: WindowedMaterialized<K, A>,
): KTable<Windowed<K>, A> {
  const kept = windowedSerdes(draft, name, inputs, windows, materialized)
  const definition = sessionStore(materialized.store, kept.keySerde, kept.storedSerde, {
    retentionMs: sessionRetentionMs(windows),
  })
  const store = draft.store(definition)
  const add = addOf(inputs)
  const supplier = () =>
    new SessionAggregateProcessor<K, any, A>({ ...kept, windows, store, add, merge })
  const node = draft.processor(name, parentsOf(inputs), supplier, storesOf(store, kept))
  return draft.forms.table<Windowed<K>, A>(draft, {
    node,
    keySerde: windowedSerde(kept.keySerde),
    valueSerde: kept.valueSerde,
    view: sessionView<K, A>(store, kept.storedSerde),
    windows,
  })
}

type WindowedKept<K, A> = Omit<TableStore<K, NonNullable<A>>, 'store' | 'emit'> &
  Pick<WindowEmitterOptions<K>, 'emit' | 'closing'>

/** The serdes, and the store `STORE-closing` where windows wait for their end. */
function windowedSerdes<K, A>(
  draft: Draft,
  name: string,
  inputs: readonly Input<K, A, unknown>[],
  windows: Windows,
  { emit = 'per-record', ...materialized }: WindowedMaterialized<K, A>,
): WindowedKept<K, A> {
  for (const fault of windowFaults(windows)) draft.faults.push(`node "${name}": ${fault}`)
  const serdes = draft.tableSerdes<K, A>(name, knownOf(inputs), materialized)
  if (emit !== 'on-window-close') return { ...serdes, emit, closing: null }
  const closing = keyValueStore(`${materialized.store}-closing`, waitingSerde, serdes.storedSerde)
  return { ...serdes, emit: emit satisfies EmitOfWindows, closing: draft.store(closing) }
}

function storesOf<K, A>(store: TableStore<K, A>['store'], { closing }: WindowedKept<K, A>) {
  return closing === null ? [store] : [store, closing]
}

function parentsOf<K, A>(inputs: readonly Input<K, A, unknown>[]): NodeName[] {
  return inputs.map(({ at }) => at.node)
}

function knownOf<K, A>(inputs: readonly Input<K, A, unknown>[]) {
  return { keySerde: inputs[0]?.at.keySerde ?? null, valueSerde: null }
}

/** The `add` of the input that a value comes from. */
function addOf<K, A, R extends A | null>(
  inputs: readonly Input<K, A, R>[],
): (...args: Parameters<Add<K, any, A>>) => R {
  const [first] = inputs
  if (first !== undefined && inputs.length === 1) return first.add
  const byParent = new Map<string, Input<K, A, R>>(inputs.map((input) => [input.at.node, input]))
  return (key, value, aggregate, parent) => {
    const input = byParent.get(parent)
    if (input === undefined) throw new RangeError(`no input of a cogroup is named ${parent}`)
    return input.add(key, value, aggregate)
  }
}
