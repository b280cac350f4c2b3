/** What the sweep does with the index entries of windows and sessions: each names one entry that is over. */
import type { StateChange, StateEntry } from '../core/state.ts'
import { dataMark, timeBytes } from './key-layout.ts'
import type { TimedCache } from './timed-cache.ts'

export function expireTimed(
  cache: TimedCache,
  indexEntries: readonly StateEntry[],
  changes: StateChange[],
): void {
  const { name: store, suffixTimes } = cache.shape
  const { partition } = cache.scope
  const keyStart = 1 + suffixTimes * timeBytes
  for (const { key: indexKey } of indexEntries) {
    const key = Buffer.concat([
      Buffer.from([dataMark]),
      indexKey.subarray(keyStart),
      indexKey.subarray(1, keyStart),
    ])
    changes.push({ store, partition, key, value: null })
    changes.push({ store, partition, key: indexKey, value: null })
    cache.meter.expiredCount += 1
  }
}
