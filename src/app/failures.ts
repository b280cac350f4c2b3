import type { NodeDrops } from '../runtime/task-metrics.ts'
import type { FailureStatus } from '../server/console/instance-status.ts'

/** What the functions of a topology's nodes have thrown on and error policies have left out. */
export function failuresOf(drops: readonly NodeDrops[]): FailureStatus[] {
  return drops
    .filter(({ reason }) => reason === 'failed')
    .map(({ node, count, last = '' }) => ({ node, count, last }))
}
