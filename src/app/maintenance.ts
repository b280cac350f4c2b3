/** The upkeep of the log, a bounded step at a time, for as long as the instance runs. */
import { pause, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'

const idleMs = 30_000
/** Between two steps of work that is not done yet: tasks come first. */
const breatheMs = 50

/** @param step true where more is to be done at once. Returns how to stop it: after the step that is under way. */
export function keepMaintained(
  step: () => Promise<boolean>,
  clock: Clock,
  onFailure: (thrown: unknown) => void,
): () => Promise<void> {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      const more = await unlessItPasses(step)
      await pause(clock, more ? breatheMs : idleMs, stopping.signal)
    }
  }
  const running = run().catch(onFailure)
  return async () => {
    stopping.abort()
    await running
  }
}

/** A full disk or a broker that is away is not the end: tasks wait for it too. */
async function unlessItPasses(step: () => Promise<boolean>): Promise<boolean> {
  try {
    return await step()
  } catch (thrown) {
    if (thrown instanceof TidemarkError && thrown.reaction === 'retry') return false
    throw thrown
  }
}
