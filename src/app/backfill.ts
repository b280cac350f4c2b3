/** What a backfill works on: an instance that runs, or what it stands on while none does. */
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { backfill, type BackfillOptions, type BackfillReport } from '../jobs/backfill/backfill.ts'
import { backfillJob, backfillJobName } from '../jobs/backfill/backfill-job.ts'
import type { BackfillRequest } from '../jobs/backfill/backfill-request.ts'
import type { Job, JobContext } from '../jobs/job.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import { topicSpecs } from '../runtime/topics.ts'
import { ClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts'
import { epochOf } from '../sinks/fact-rows.ts'
import { FactConsumer } from '../sinks/fact-consumer.ts'
import { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { ownFacts } from './fact-consumers.ts'
import type { Foundation } from './foundation.ts'
import type { JobServices } from './jobs.ts'
import { migrationsDirectory } from './migrations-directory.ts'
import { openFoundation } from './open-foundation.ts'
import { createRunsTopic, recorderOf } from './run-records.ts'
import { openCodecs, type TopicCodecs } from './topic-codecs.ts'
import { loadTopologies, type LoadedTopology } from './topologies.ts'

export interface BackfillCall extends JobContext {
  /** A line for the operator: what is waited for. */
  readonly onWait: (line: string) => void
}

type Ground = Pick<BackfillOptions, 'live' | 'sink' | 'clickhouse' | 'clock'> &
  Pick<Foundation, 'registry'> & {
    readonly codecs: TopicCodecs
    readonly topology: LoadedTopology
  }

/** In the data directory. A backfill that was killed leaves it. */
export const shadowDirectory = 'backfill'

/** @throws TidemarkError DATA_DIR_IN_USE | GROUP_ACTIVE, and what `backfill` throws */
export async function runBackfill(
  configuration: Configuration,
  request: BackfillRequest,
  { onWait, ...context }: BackfillCall,
): Promise<BackfillReport> {
  const clock = systemClock
  const cleanup = new Cleanup({ clock, onOverdue: onWait })
  try {
    const topologies = await loadTopologies([request.topology])
    const foundation = await openFoundation(configuration, {
      clock,
      cleanup,
      topologies,
      onProgress: onWait,
    })
    const { log, clickhouse, registry } = foundation
    const [topology] = topologies as readonly [LoadedTopology]
    const codecs = await openCodecs(topologies, registry, foundation.knowsSchema)
    const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory, onWait })
    await sink.setup()
    await createRunsTopic(log)
    await log.createTopics(topicSpecs([topology.graph], configuration.partitions, !log.sharesState))
    const epochs = await foundation.factEpochs([...topology.factTables, ...ownFacts])
    const ground = { live: log, sink, clickhouse, clock, registry, codecs, topology }
    const options: BackfillOptions = {
      ...optionsOn(configuration, ground, request, context),
      epochOf: (topic) => epochOf(epochs, topic),
      settle: () => settle(foundation, ground, epochs, request),
      refuseOthers: () => refuseOthers(foundation, topology.graph.name),
    }
    const runs = recorderOf({ ...foundation, sink, clock, codecs, epoch: epochs })
    return await runs.record(backfillJobName, recorded(request), context.signal, () =>
      backfill(options),
    )
  } finally {
    await cleanup.run()
  }
}

/** The job of an instance that runs: it compares, and changes nothing. */
export function instanceBackfill(configuration: Configuration, services: JobServices): Job {
  return backfillJob(async (request, context) => {
    const { log, clickhouse, clock, registry, topologies, runtime, consumers } = services
    const topology = topologies.find(({ graph }) => graph.name === request.topology)
    if (topology === undefined) {
      const running = topologies.map(({ graph }) => graph.name).join(', ')
      const message = `topology ${request.topology} is not running; running are ${running}`
      throw new TidemarkError('REQUEST_INVALID', message)
    }
    const codecs = await openCodecs([topology], registry, () => false)
    const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory: null })
    const ground = { live: log, sink, clickhouse, clock, registry, codecs, topology }
    return {
      ...optionsOn(configuration, ground, request, context),
      epochOf: () => 0,
      settle: async () => {
        await runtime.whenIdle()
        await consumers.get(topology.graph.name)?.drain()
      },
      refuseOthers: () => Promise.resolve(),
    }
  })
}

function optionsOn(
  { dataDir, workers, partitions }: Configuration,
  { codecs, topology, registry, ...ground }: Ground,
  request: BackfillRequest,
  context: JobContext,
): Omit<BackfillOptions, 'epochOf' | 'settle' | 'refuseOthers'> {
  const { graph, factTables, moduleUrl } = topology
  return {
    ...ground,
    ...context,
    request,
    graph,
    factTables,
    codecs: (topic) => codecs.of(topic),
    rows: (topic) => codecs.rows(topic),
    workers: { count: workers, topologyModules: [moduleUrl], registry },
    defaultPartitionCount: partitions,
    directory: join(dataDir, shadowDirectory),
  }
}

/** What an instance had not brought to ClickHouse before it ended. One that runs does that by itself. */
async function settle(
  { log, admin }: Foundation,
  { sink, clock, codecs, topology }: Ground,
  epoch: Awaited<ReturnType<Foundation['factEpochs']>>,
  { dryRun }: BackfillRequest,
): Promise<void> {
  const { graph, factTables } = topology
  if (dryRun && admin !== null) return
  const facts = factTables.map((fact) => ({ fact, codec: codecs.rows(fact.topic) }))
  const consumer = new FactConsumer({ name: graph.name, log, sink, clock, facts, epoch })
  await consumer.start()
  try {
    await consumer.drain()
  } finally {
    await consumer.stop()
  }
}

/** In one process alone the data directory is the lock. */
async function refuseOthers({ admin }: Foundation, topology: string): Promise<void> {
  if (admin === null) return
  for (const group of [topology, sinkGroup(topology)]) {
    const members = (await admin.describeGroup(group))?.members ?? []
    if (members.length === 0) continue
    throw new TidemarkError(
      'GROUP_ACTIVE',
      `group ${group} has members: stop the instances before rows are put right, or compare only, with --dry-run`,
      { details: { group, members: members.length } },
    )
  }
}

function recorded({ topology, startMs, endMs, tables, dryRun, retainedOnly }: BackfillRequest) {
  return {
    topology,
    start: startMs === null ? null : new Date(startMs).toISOString(),
    end: endMs === null ? null : new Date(endMs).toISOString(),
    tables,
    dry_run: dryRun,
    retained_only: retainedOnly,
  }
}
