import type { TaskStatus } from '../runtime/runtime-status.ts'
import type { FailureStatus } from '../server/console/instance-status.ts'

/** What the functions of a topology's nodes have thrown on and error policies have left out, over its tasks. */
export function failuresOf(tasks: readonly TaskStatus[]): FailureStatus[] {
  const failures = new Map<string, FailureStatus>()
  for (const { drops } of tasks) {
    for (const { node, reason, count, last = '' } of drops) {
      if (reason !== 'failed') continue
      failures.set(node, { node, count: count + (failures.get(node)?.count ?? 0), last })
    }
  }
  return [...failures.values()]
}
