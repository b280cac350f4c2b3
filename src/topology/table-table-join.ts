import { keyValueView } from '../processors/table-view.ts'
import { TableTableJoinProcessor } from '../processors/table-table-join.ts'
import type { JoinKind } from '../processors/table-table-join.ts'
import type { Draft } from './draft.ts'
import type { MaterializedAs, TablePosition } from './streams.ts'
import { refuseTimesToLive } from './time-to-live.ts'

export interface TableTableJoin<K, VLeft, VRight, R> {
  readonly left: TablePosition<K, VLeft>
  readonly right: TablePosition<K, VRight>
  readonly kind: JoinKind
  readonly joiner: (left: VLeft | null, right: VRight | null, key: K) => R
}

export function addTableTableJoin<K, VLeft, VRight, R>(
  draft: Draft,
  name: string,
  { left, right, kind, joiner }: TableTableJoin<K, VLeft, VRight, R>,
  materialized: MaterializedAs<K, R>,
): TablePosition<K, R> {
  refuseTimesToLive(draft, name, [left, right], materialized)
  const known = { keySerde: left.keySerde ?? right.keySerde, valueSerde: null }
  const kept = draft.tableStore<K, R>(name, known, materialized)
  const node = draft.processor(
    name,
    [left.node, right.node],
    () =>
      new TableTableJoinProcessor<K, VLeft, VRight, R>({
        ...kept,
        leftParent: left.node,
        left: left.view,
        right: right.view,
        kind,
        joiner,
      }),
    [...new Set([...left.view.stores, ...right.view.stores, kept.store])],
  )
  const view = keyValueView<K, R>(kept.store, kept.storedSerde)
  return { node, keySerde: kept.keySerde, valueSerde: kept.valueSerde, view }
}
