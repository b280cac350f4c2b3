/** Retention, compaction and purging of the log, a bounded step at a time, for as long as the instance runs. */
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { pause } from '../core/clock.ts'
import type { StoredLog } from '../log/stored-log.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { purgeRepartitionTopics } from './purge.ts'

const idleMs = 30_000
/** Between two steps of work that is not done yet: tasks come first. */
const breatheMs = 50

/** Returns how to stop it: after the step that is under way. */
export function keepMaintained(
  log: StoredLog,
  graphs: readonly TopologyGraph[],
  clock: Clock,
  onFailure: (thrown: unknown) => void,
): () => Promise<void> {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      const more = await step(log, graphs, clock)
      await pause(clock, more ? breatheMs : idleMs, stopping.signal)
    }
  }
  const running = run().catch(onFailure)
  return async () => {
    stopping.abort()
    await running
  }
}

/** True where more is to be done. A full disk is not the end: room may come, and tasks wait for it too. */
async function step(
  log: StoredLog,
  graphs: readonly TopologyGraph[],
  clock: Clock,
): Promise<boolean> {
  try {
    await purgeRepartitionTopics(log, graphs)
    return (await log.maintain(clock.nowMs())).more
  } catch (thrown) {
    if (thrown instanceof TidemarkError && thrown.code === 'DISK_FULL') return false
    throw thrown
  }
}
