/** The pace of what comes from files: as quickly as it is processed. */
import { BulkPace } from '../sources/bulk-pace.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { ProcessingDelay, type ProcessingDelayOptions } from './processing-delay.ts'

export function openBulkPace(
  { bulkDelayMaxMs: delayMaxMs, partitions }: Configuration,
  parts: Omit<ProcessingDelayOptions, 'partitions'>,
  cleanup: Cleanup,
): BulkPace {
  const delay = new ProcessingDelay({ ...parts, partitions })
  const pace = new BulkPace({
    clock: parts.clock,
    delayMaxMs,
    delayOf: (topic) => delay.of(topic),
  })
  cleanup.add({ name: 'imports', close: () => pace.end() })
  return pace
}
