/** The beginning of a table, from a topic or a stream: its store and the node that fills it. */
import type { Serde } from '../core/serde.ts'
import { TableSourceProcessor } from '../processors/table-source.ts'
import { keyValueView, versionedView } from '../processors/table-view.ts'
import { VersionedSourceProcessor } from '../processors/versioned-source.ts'
import type { Draft } from './draft.ts'
import type { NodeName } from './graph.ts'
import { versionedStore } from './stores.ts'
import type { MaterializedRows, TablePosition } from './streams.ts'
import { expiringOf } from './time-to-live.ts'

interface Known<K, V> {
  readonly keySerde: Serde<K> | null
  readonly valueSerde: Serde<NonNullable<V>> | null
}

export function addTableSource<K, V>(
  draft: Draft,
  name: string,
  parent: NodeName,
  known: Known<K, V>,
  materialized: MaterializedRows<K, V>,
): TablePosition<K, NonNullable<V>> {
  const { historyMs } = materialized
  if (historyMs !== undefined) {
    return addVersioned(draft, name, parent, known, { ...materialized, historyMs })
  }
  const kept = draft.tableStore<K, V>(name, known, materialized)
  const supplier = () => new TableSourceProcessor<K, NonNullable<V>>(kept)
  const node = draft.processor(name, [parent], supplier, [kept.store])
  const view = keyValueView<K, NonNullable<V>>(kept.store, kept.storedSerde)
  const expiring = expiringOf(name, materialized)
  return { node, keySerde: kept.keySerde, valueSerde: kept.valueSerde, view, ...expiring }
}

function addVersioned<K, V>(
  draft: Draft,
  name: string,
  parent: NodeName,
  known: Known<K, V>,
  materialized: MaterializedRows<K, V> & { readonly historyMs: number },
): TablePosition<K, NonNullable<V>> {
  const { store: storeName, historyMs, ttlMs } = materialized
  const kept = draft.tableSerdes<K, V>(name, known, materialized)
  const { keySerde, valueSerde } = kept
  if (ttlMs !== undefined && ttlMs < historyMs) {
    draft.faults.push(`node "${name}": ttlMs is ${ttlMs}, less than the historyMs of ${historyMs}`)
  }
  const options = ttlMs === undefined ? { historyMs } : { historyMs, ttlMs }
  const store = draft.store(versionedStore(storeName, keySerde, valueSerde, options))
  const supplier = () => new VersionedSourceProcessor<K, NonNullable<V>>({ ...kept, store })
  const node = draft.processor(name, [parent], supplier, [store])
  const view = versionedView<K, NonNullable<V>>(store, kept.storedSerde)
  return { node, keySerde, valueSerde, view, ...expiringOf(name, materialized) }
}
