/**
 * Up to 0.1.0 the checkpoints of a sub-topology lay in a store of their own that had its number in its name. Where
 * numbers had changed, one that was left under the old number could claim a store that had been wiped since, and rows
 * were lost. So what such a version has left is not believed: it is deleted, here and for the case that this version is
 * rolled back, and the stores are restored once.
 */
import type { Partition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { KeptTask } from './kept-task.ts'
import { earlierCheckpointsStore } from './positions-store.ts'
import { scopedStoreName } from './scoped-state.ts'

/** No topology had more. Looking for a store that never was costs no read. */
const subTopologiesMax = 100
/** One for each store of a task. */
const entriesMax = 1000

export async function deleteEarlierCheckpoints(
  state: StateBackend,
  tasks: Iterable<KeptTask>,
): Promise<void> {
  const places = new Map<string, { readonly topology: string; readonly partition: Partition }>()
  for (const { plan } of tasks) {
    const { topologyName: topology, partition } = plan
    places.set(`${topology} ${partition}`, { topology, partition })
  }
  for (const { topology, partition } of places.values()) {
    for (let number = 0; number < subTopologiesMax; number += 1) {
      const store = scopedStoreName(topology, earlierCheckpointsStore(number))
      const entries = await state.scan({ store, partition, entriesMax })
      if (entries.length === 0) continue
      await state.write(entries.map(({ key }) => ({ store, partition, key, value: null })))
    }
  }
}
