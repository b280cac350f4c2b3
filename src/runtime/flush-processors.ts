import type { Processor } from '../processors/processor.ts'
import type { Execution } from './execution.ts'
import type { TaskNode } from './task-graph.ts'

/** Has each processor forward what it has held back, in the order of the nodes; one that has more of it, again and again.
 * @param processors by node index */
export async function flushProcessors(
  execution: Execution,
  nodes: readonly TaskNode[],
  processors: readonly (Processor | undefined)[],
  onProgress: () => void,
): Promise<void> {
  for (const node of nodes) {
    const processor = processors[node.index]
    if (processor?.flush === undefined) continue

    do {
      await execution.runHeld(node, () => processor.flush?.())
      onProgress()
    } while (processor.holdsMore === true)
  }
}
