/**
 * Runs a topology once more over the events that the live log has, in a shadow: with positions, state and topics of its own, in a
 * directory that is thrown away. It is the same code as the live one (law 8), so its facts are what those should be.
 */
import { rm } from 'node:fs/promises'
import { pause, type Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicName } from '../../core/record.ts'
import type { Log } from '../../log/log.ts'
import type { CodecFactory } from '../../runtime/codecs.ts'
import { createRuntime, type Runtime } from '../../runtime/runtime.ts'
import type { WorkerOptions } from '../../runtime/worker/worker-host.ts'
import { MemoryBudget } from '../../state/memory-budget.ts'
import { openStorage, type Storage } from '../../state/rocksdb-backend.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import type { JobContext } from '../job.ts'
import { cutOf, shadowLog, type Cut } from './shadow-log.ts'

export interface ReplayOptions extends JobContext {
  readonly graph: TopologyGraph
  readonly live: Log
  readonly clock: Clock
  readonly codecs: CodecFactory
  /** Used where batches of the live log cross threads; else the tasks run in this one. */
  readonly workers: WorkerOptions
  readonly defaultPartitionCount: number
  /** Made anew, and removed by `close`. */
  readonly directory: string
}

/** The first events of a partition that the log no longer has. */
export interface EventsGone {
  readonly topic: TopicName
  readonly partition: number
  readonly before_offset: number
}

export interface Replay {
  /** Its fact topics, complete. */
  readonly log: Log
  readonly events: number
  readonly gone: readonly EventsGone[]
  close(): Promise<void>
}

const storageBytes = 64 * 1024 * 1024
const cacheBytes = 32 * 1024 * 1024
const lookEveryMs = 200

/** @throws what the topology fails with; TidemarkError JOB_INTERRUPTED | TOPOLOGY_INVALID */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const { graph, live, clock, directory } = options
  const sources = sourcesOf(graph)
  const cut = await cutOf(live, sources)
  await rm(directory, { recursive: true, force: true })
  const storage = await openStorage({
    directory,
    clock,
    durability: 'process-crash',
    memoryBudgetBytes: storageBytes,
  })
  const close = async () => {
    await storage.close()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await run(options, storage, cut)
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { log: storage.log, events: eventsIn(cut), gone: goneBefore(cut), close }
}

async function run(options: ReplayOptions, { log: own, state }: Storage, cut: Cut): Promise<void> {
  const { graph, live, clock, codecs, workers, defaultPartitionCount } = options
  const log = shadowLog(live, own, cut, clock)
  const runtime = createRuntime({
    topologies: [graph],
    log,
    state,
    budget: new MemoryBudget(cacheBytes),
    codecs,
    clock,
    limits: { defaultPartitionCount },
    ...('fetchEncoded' in log ? { workers } : {}),
  })
  await runtime.start()
  try {
    await untilIdle(runtime, options, eventsIn(cut))
  } finally {
    await runtime.stop()
  }
}

async function untilIdle(
  runtime: Runtime,
  { clock, signal, onProgress }: ReplayOptions,
  total: number,
): Promise<void> {
  const failed = runtime.failed.then((thrown) => {
    throw thrown
  })
  failed.catch(() => {})
  for (;;) {
    if (signal.aborted) throw interrupted()
    const left = await runtime.lag()
    onProgress({ text: 'events replayed', done: Math.max(0, total - left), total })
    if (left === 0) return
    await Promise.race([pause(clock, lookEveryMs, signal), failed])
  }
}

export function interrupted(): TidemarkError {
  return new TidemarkError('JOB_INTERRUPTED', 'interrupted: what is left is done by another run')
}

/** @throws TidemarkError TOPOLOGY_INVALID where it reads what it writes: its events cannot be told from its facts */
export function sourcesOf({ name, nodes }: TopologyGraph): readonly TopicName[] {
  const sources = new Set(
    nodes.flatMap((node) => (node.kind === 'source' ? [node.topic.name] : [])),
  )
  const own = nodes.find((node) => node.kind === 'sink' && sources.has(node.topic.name))
  if (own?.kind === 'sink') {
    const message = `topology ${name} reads ${own.topic.name}, which it writes: a replay of its events is not possible`
    throw new TidemarkError('TOPOLOGY_INVALID', message)
  }
  return [...sources]
}

function eventsIn(cut: Cut): number {
  return [...cut.values()]
    .flat()
    .reduce(
      (sum, { logStartOffset, lastStableOffset }) => sum + lastStableOffset - logStartOffset,
      0,
    )
}

function goneBefore(cut: Cut): readonly EventsGone[] {
  return [...cut].flatMap(([topic, partitions]) =>
    partitions
      .filter(({ logStartOffset }) => logStartOffset > 0)
      .map(({ partition, logStartOffset }) => ({
        topic,
        partition,
        before_offset: logStartOffset,
      })),
  )
}
