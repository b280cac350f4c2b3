/** The instance's status, put together from what its parts tell. */
import type { InstanceStatus, TopologyStatus } from '../server/console/instance-status.ts'
import type { TaskStatus } from '../runtime/runtime-status.ts'
import type { LoadedTopology } from './topologies.ts'
import type { Services } from './services.ts'

type Frame = Omit<InstanceStatus, 'topologies' | 'ingest' | 'sinkLag' | 'quarantined' | 'refused'>

export function statusOf(services: Services, frame: Frame): InstanceStatus {
  const topologies = services.topologies.map((loaded) => topologyStatus(services, loaded))
  let sinkLag = 0
  for (const consumer of services.consumers.values()) sinkLag += consumer.status().lagTotal
  const ingest = [...services.ingest.counters.all()].map(([topic, counts]) => ({
    topic,
    ...counts,
  }))
  let quarantined = 0
  let refused = 0
  for (const counts of ingest) {
    quarantined += counts.quarantined
    refused += counts.refused
  }
  for (const topology of topologies) quarantined += topology.quarantined
  return {
    ...frame,
    trouble: frame.trouble ?? troubleOf(services),
    topologies,
    ingest,
    sinkLag,
    quarantined,
    refused,
  }
}

function topologyStatus(services: Services, { graph }: LoadedTopology): TopologyStatus {
  const { tasks, byTopology } = services.runtime.status()
  const own = tasks.filter((task) => task.topologyName === graph.name)
  const totals = byTopology.get(graph.name)
  const consumer = services.consumers.get(graph.name)?.status()
  return {
    name: graph.name,
    tasks: own.length,
    processed: totals?.processed ?? 0,
    recordsPerSecond: totals?.recordsPerSecond ?? 0,
    lag: totals?.lag ?? 0,
    late: totals?.late ?? 0,
    dropped: totals?.dropped ?? 0,
    duplicates: duplicatesOf(own),
    quarantined: totals?.quarantined ?? 0,
    warnings: totals?.warnings ?? 0,
    rowsWritten: consumer?.rowsWritten ?? 0,
    tables: Object.entries(consumer?.lag ?? {}).map(([name, lag]) => ({ name, lag })),
  }
}

function duplicatesOf(tasks: readonly TaskStatus[]): number {
  let count = 0
  for (const { drops } of tasks) {
    for (const drop of drops) if (drop.reason === 'duplicate') count += drop.count
  }
  return count
}

/** What makes the instance wait; null while nothing does. */
function troubleOf(services: Services): string | null {
  for (const { id, waitingFor } of services.runtime.status().tasks) {
    if (waitingFor === 'disk') return `task ${id} waits for space on the disk`
  }
  for (const [name, consumer] of services.consumers) {
    const { state, reason } = consumer.status()
    if (state === 'paused' || state === 'failed')
      return `facts of ${name}: ${state}: ${reason ?? ''}`
  }
  return null
}
