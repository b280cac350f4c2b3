/** The instance's status, put together from what its parts tell. */
import type { InstanceStatus, TopologyStatus } from '../server/console/instance-status.ts'
import type { NodeDrops } from '../runtime/task-metrics.ts'
import type { RuntimeStatus } from '../runtime/runtime-status.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import { firstOf, type Condition } from './conditions.ts'
import { failuresOf } from './failures.ts'
import { skippedStatus } from './skipped-status.ts'
import type { LoadedTopology } from './topologies.ts'
import type { Services } from './services.ts'
import { productVersion } from './version.ts'

type Frame = Pick<
  InstanceStatus,
  'state' | 'startedAtMs' | 'dataDir' | 'urls' | 'trouble' | 'member' | 'alerts'
>

/** @param conditions with any of them the instance is not ready */
export function statusOf(
  services: Services,
  frame: Frame,
  conditions: readonly Condition[],
): InstanceStatus {
  const runtime = services.runtime.status()
  const topologies = services.topologies.map((loaded) => topologyStatus(services, runtime, loaded))
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
  const hindrance = firstOf(conditions)
  return {
    ...frame,
    version: productVersion,
    residentBytes: process.memoryUsage.rss(),
    profile: services.profile,
    isReady: hindrance === null && isReady(runtime, topologies),
    trouble: frame.trouble ?? hindrance ?? troubleOf(services, runtime),
    topologies,
    tasks: runtime.tasks.map(({ id, state, waitingFor, lag }) => ({ id, state, waitingFor, lag })),
    standbys: runtime.standbys,
    restoring: runtime.restoring,
    restored: runtime.restored,
    ingest,
    quality: services.quality.scores,
    skips: skippedStatus([
      ...[...runtime.byTopology].map(([group, { skips }]) => ({ group, skips })),
      ...[...services.consumers].map(([name, consumer]) => ({
        group: sinkGroup(name),
        skips: consumer.status().skips,
      })),
    ]),
    sinkLag,
    quarantined,
    refused,
  }
}

/** A task that reads its state's changelogs cannot work yet. */
function isReady(runtime: RuntimeStatus, topologies: readonly TopologyStatus[]): boolean {
  const active = new Set(runtime.tasks.map(({ id }) => id))
  return (
    topologies.every(({ group }) => group !== 'joining') &&
    !runtime.restoring.some(({ taskId }) => active.has(taskId))
  )
}

function groupState(services: Services, topology: string): TopologyStatus['group'] {
  const hosts = services.queryable.hostsOf(topology)
  if (hosts?.isMember !== true) return 'joining'
  return hosts.isRebalancing ? 'rebalancing' : 'stable'
}

function topologyStatus(
  services: Services,
  { tasks, byTopology }: RuntimeStatus,
  { graph }: LoadedTopology,
): TopologyStatus {
  const own = tasks.filter((task) => task.topologyName === graph.name)
  const totals = byTopology.get(graph.name)
  const consumer = services.consumers.get(graph.name)?.status()
  return {
    name: graph.name,
    group: groupState(services, graph.name),
    tasks: own.length,
    processed: totals?.processed ?? 0,
    recordsPerSecond: totals?.recordsPerSecond ?? 0,
    lag: totals?.lag ?? 0,
    late: totals?.late ?? 0,
    dropped: totals?.dropped ?? 0,
    duplicates: countOf('duplicate', totals?.drops ?? []),
    erased: countOf('erased', totals?.drops ?? []),
    failures: failuresOf(totals?.drops ?? []),
    quarantined: totals?.quarantined ?? 0,
    warnings: totals?.warnings ?? 0,
    skipped: totals?.skipped ?? 0,
    factsSkipped: consumer?.skipped ?? 0,
    rowsWritten: consumer?.rowsWritten ?? 0,
    tablesMadeAnew: consumer?.tablesMadeAnew ?? 0,
    tables: Object.entries(consumer?.lag ?? {}).map(([name, lag]) => ({ name, lag })),
  }
}

function countOf(wanted: NodeDrops['reason'], drops: readonly NodeDrops[]): number {
  return drops.reduce((sum, { reason, count }) => sum + (reason === wanted ? count : 0), 0)
}

/** What makes the instance wait; null while nothing does. */
function troubleOf(services: Services, { tasks }: RuntimeStatus): string | null {
  for (const { id, waitingFor } of tasks) {
    if (waitingFor === 'disk') return `task ${id} waits for space on the disk`
    if (waitingFor === 'kafka') return `task ${id} waits for the brokers`
  }
  for (const [name, consumer] of services.consumers) {
    const { state, reason } = consumer.status()
    if (state === 'paused' || state === 'failed')
      return `facts of ${name}: ${state}: ${reason ?? ''}`
  }
  return services.trouble()
}
