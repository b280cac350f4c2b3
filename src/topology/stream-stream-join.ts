import { bytesSerde } from '../core/serde.ts'
import { joinEntrySerde } from '../processors/join-entry.ts'
import { passThroughSupplier } from '../processors/stateless.ts'
import { StreamStreamJoinProcessor } from '../processors/stream-stream-join.ts'
import type { JoinSide } from '../processors/stream-stream-join.ts'
import type { JoinKind } from '../processors/table-table-join.ts'
import { waitingSerde } from '../processors/time-ordered-buffer.ts'
import { joinRetentionMs, joinWindowFaults } from '../processors/windows.ts'
import type { JoinWindows } from '../processors/windows.ts'
import type { Draft } from './draft.ts'
import { keyValueStore, windowStore } from './stores.ts'
import type { StreamJoined, StreamPosition } from './streams.ts'

export interface StreamStreamJoin<K, VLeft, VRight, R> {
  readonly left: StreamPosition<K, VLeft>
  readonly right: StreamPosition<K, VRight>
  readonly kind: JoinKind
  readonly windows: JoinWindows
  readonly joiner: (left: any, right: any, key: K) => R
}

/** The nodes `NAME`, and where a stream is joined with itself `NAME-left` and `NAME-right`; the stores `STORE-left`,
 * `STORE-right` and, unless the join is inner, `STORE-unjoined`. */
export function addStreamStreamJoin<K, VLeft, VRight, R>(
  draft: Draft,
  name: string,
  join: StreamStreamJoin<K, VLeft, VRight, R>,
  joined: StreamJoined<K, VLeft, VRight>,
): StreamPosition<K, R> {
  const { kind, windows, joiner } = join
  for (const fault of joinWindowFaults(windows)) draft.faults.push(`node "${name}": ${fault}`)
  const keySerde = draft.serde(joined.keySerde ?? join.left.keySerde, name, 'a keySerde')
  const isSelfJoin = join.left.node === join.right.node
  const side = <V>(
    at: StreamPosition<K, V>,
    which: 'left' | 'right',
    given: StreamPosition<K, V>['valueSerde'] | undefined,
    isOuter: boolean,
    ownWindows: JoinWindows,
  ): JoinSide<NonNullable<V>> => {
    const sideName = `${name}-${which}`
    const valueSerde = draft.serde(
      given ?? at.valueSerde,
      name,
      `a valueSerde of its ${which} side`,
    )
    const from = draft.partitioned(sideName, { ...at, keySerde, valueSerde })
    const parent = isSelfJoin
      ? draft.processor(sideName, [from.node], passThroughSupplier)
      : from.node
    const definition = windowStore(
      `${joined.store}-${which}`,
      keySerde,
      joinEntrySerde(valueSerde),
      {
        windowSizeMs: Math.max(1, windows.beforeMs + windows.afterMs),
        retentionMs: Math.max(1, joinRetentionMs(ownWindows)),
      },
    )
    return { parent, store: draft.store(definition), valueSerde, isOuter }
  }
  const mirrored = { ...windows, beforeMs: windows.afterMs, afterMs: windows.beforeMs }
  const left = side(join.left, 'left', joined.valueSerde, kind !== 'inner', windows)
  const right = side(join.right, 'right', joined.otherValueSerde, kind === 'outer', mirrored)
  const unjoined =
    kind === 'inner'
      ? null
      : draft.store(keyValueStore(`${joined.store}-unjoined`, waitingSerde, bytesSerde))
  const stores = [left.store, right.store, ...(unjoined === null ? [] : [unjoined])]
  const options = { windows, left, right, unjoined, keySerde, joiner }
  const supplier = () => new StreamStreamJoinProcessor(options)
  const parents = [left.parent, right.parent] as StreamPosition<K, R>['node'][]
  const node = draft.processor(name, parents, supplier, stores)
  return { node, keySerde, valueSerde: null, isKeyChanged: false, isBroadcast: false }
}
