/** What tasks have counted that run here no more, so that what a process counts never falls. */
import { topicPartitionId } from '../core/record.ts'
import type { SkippedRecords } from '../core/skipped-records.ts'
import type { TaskCounts } from './runtime-status.ts'
import type { NodeDrops } from './task-metrics.ts'

const numbers = [
  'processed',
  'produced',
  'dropped',
  'late',
  'quarantined',
  'warnings',
  'skipped',
] as const

export class EndedTasks {
  readonly #byTopology = new Map<string, TaskCounts>()

  /** Takes a task's last word. A task that comes back counts from 0 again. */
  add(topologyName: string, last: TaskCounts): void {
    this.#byTopology.set(topologyName, sumOfCounts([...this.of(topologyName), last]))
  }

  /** One sum, or nothing. */
  of(topologyName: string): readonly TaskCounts[] {
    const sum = this.#byTopology.get(topologyName)
    return sum === undefined ? [] : [sum]
  }
}

/** Drops are summed by node and reason, skips by partition; of each the last is told. */
export function sumOfCounts(all: readonly TaskCounts[]): TaskCounts {
  const sum = Object.fromEntries(
    numbers.map((name) => [name, all.reduce((total, counts) => total + counts[name], 0)]),
  ) as Record<(typeof numbers)[number], number>
  return {
    ...sum,
    drops: sumOfDrops(all.flatMap(({ drops }) => drops)),
    skips: sumOfSkips(all.flatMap(({ skips }) => skips)),
  }
}

function sumOfDrops(all: readonly NodeDrops[]): readonly NodeDrops[] {
  const sums = new Map<string, NodeDrops>()
  for (const drops of all) {
    const id = `${drops.reason} ${drops.node}`
    const before = sums.get(id)
    sums.set(id, { ...before, ...drops, count: drops.count + (before?.count ?? 0) })
  }
  return [...sums.values()]
}

function sumOfSkips(all: readonly SkippedRecords[]): readonly SkippedRecords[] {
  const sums = new Map<string, SkippedRecords>()
  for (const skip of all) {
    const id = topicPartitionId(skip)
    const before = sums.get(id)
    const last = before !== undefined && before.atMs > skip.atMs ? before : skip
    sums.set(id, { ...last, offsets: skip.offsets + (before?.offsets ?? 0) })
  }
  return [...sums.values()]
}
