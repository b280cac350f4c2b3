/**
 * When topologies were last reset, and when they had read their events again: kept in the application's records, so that
 * whoever asks what was known at a time before hears that it is not known any more.
 *
 *  1. A reset is noted before it changes anything. It has no end yet.
 *  2. An instance that runs the topology looks how far its group is; where several do, any of them notes the end.
 *  3. The end may be noted late, never early: it is asked of committed positions, against the ends of the inputs as they were
 *     when somebody first looked.
 */
import { pause, type Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { TopicName } from '../core/record.ts'
import type { Replay } from '../jobs/replay.ts'
import type { Log, PartitionOffset } from '../log/log.ts'
import { compileTopology, taskInputs, taskPlans } from '../runtime/task-plan.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import type { Cleanup } from './cleanup.ts'
import type { MetaRecords } from './meta-records.ts'

const prefix = 'replay/'
const lookEveryMs = 1_000

type Stored = Omit<Replay, 'topology'>

export async function noteReplays(
  meta: MetaRecords,
  topologies: readonly string[],
  resetAtMs: number,
): Promise<void> {
  await write(
    meta,
    topologies.map((topology) => ({ topology, resetAtMs, endedAtMs: null })),
  )
}

async function write(meta: MetaRecords, replays: readonly Replay[]): Promise<void> {
  await meta.append(
    replays.map(({ topology, ...stored }) => ({
      key: prefix + topology,
      value: JSON.stringify(stored satisfies Stored),
    })),
  )
}

async function readReplays(meta: Pick<MetaRecords, 'load'>): Promise<readonly Replay[]> {
  const replays = new Map<string, Replay>()
  for (const { key, value } of await meta.load()) {
    if (!key.startsWith(prefix) || value === null) continue
    const topology = key.slice(prefix.length)
    replays.set(topology, { topology, ...(JSON.parse(value) as Stored) })
  }
  return [...replays.values()]
}

export interface ReplaysOptions {
  readonly meta: MetaRecords
  readonly log: Pick<Log, 'describeTopics' | 'committedOffsets'>
  readonly clock: Clock
  /** That run here. */
  readonly graphs: readonly TopologyGraph[]
  /** Of a topic that does not say. */
  readonly partitions: number
}

/** Positions that a group has to reach, again and again: what it reads first has outputs that it reads next. */
interface Pass {
  readonly ends: readonly PartitionOffset[]
  readonly passesLeft: number
}

export class Replays {
  readonly #options: ReplaysOptions
  /** By topology. */
  readonly #passes = new Map<string, Pass>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ReplaysOptions) {
    this.#options = options
  }

  /** Of all topologies of the application; what has ended by now is noted. @throws what the log throws */
  look(): Promise<readonly Replay[]> {
    const looked = this.#last.then(() => this.#look())
    this.#last = looked.catch(() => undefined)
    return looked
  }

  /** Looks until everything that runs here has read its events again. */
  follow(onTrouble: (line: string) => void, cleanup: Cleanup): void {
    const stopping = new AbortController()
    const following = this.#follow(onTrouble, stopping.signal)
    const close = async () => {
      stopping.abort()
      await following
    }
    cleanup.add({ name: 'the watch of replays', close })
  }

  async #follow(onTrouble: (line: string) => void, signal: AbortSignal): Promise<void> {
    const { clock, graphs } = this.#options
    let told: string | null = null
    while (!signal.aborted) {
      try {
        const replays = await this.look()
        const isRun = ({ topology }: Replay) => graphs.some(({ name }) => name === topology)
        if (!replays.some((replay) => replay.endedAtMs === null && isRun(replay))) return
      } catch (thrown) {
        const trouble = `whether events are read again is not known: ${messageOf(thrown)}`
        if (trouble !== told) onTrouble(trouble)
        told = trouble
      }
      await pause(clock, lookEveryMs, signal)
    }
  }

  async #look(): Promise<readonly Replay[]> {
    const { meta, graphs } = this.#options
    const replays: Replay[] = []
    for (const replay of await readReplays(meta)) {
      const graph = graphs.find(({ name }) => name === replay.topology)
      const isOpen = replay.endedAtMs === null && graph !== undefined
      replays.push(isOpen ? await this.#advanced(replay, graph) : replay)
    }
    return replays
  }

  async #advanced(replay: Replay, graph: TopologyGraph): Promise<Replay> {
    const { meta, clock } = this.#options
    const topics = inputsOf(graph, this.#options.partitions)
    // A chain of topics is no longer than there are topics.
    let pass = this.#passes.get(graph.name) ?? {
      ends: await this.#endsOf(topics),
      passesLeft: topics.length,
    }
    while (await this.#isReached(graph.name, pass)) {
      if (pass.passesLeft === 1) {
        this.#passes.delete(graph.name)
        const ended = { ...replay, endedAtMs: clock.nowMs() }
        await write(meta, [ended])
        return ended
      }
      pass = { ends: await this.#endsOf(topics), passesLeft: pass.passesLeft - 1 }
    }
    this.#passes.set(graph.name, pass)
    return replay
  }

  async #endsOf(topics: readonly TopicName[]): Promise<readonly PartitionOffset[]> {
    const described = await this.#options.log.describeTopics(topics)
    return described.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partition, lastStableOffset: offset }) => ({ topic, partition, offset })),
    )
  }

  async #isReached(groupId: string, { ends }: Pass): Promise<boolean> {
    const { log } = this.#options
    const committed = await log.committedOffsets(groupId, ends)
    const topics = [...new Set(ends.map(({ topic }) => topic))]
    const described = await log.describeTopics(topics)
    return ends.every(({ topic, partition, offset }, index) => {
      const found = described.find(({ name }) => name === topic)?.partitions[partition]
      // What the log has removed nobody reads.
      const reached = Math.max(committed[index]?.offset ?? 0, found?.logStartOffset ?? 0)
      return reached >= offset
    })
  }
}

/** What the group reads; broadcast topics each task reads by itself, before anything else. */
function inputsOf(graph: TopologyGraph, partitions: number): readonly TopicName[] {
  const compiled = compileTopology(graph)
  const inputs = taskPlans(graph, partitions).flatMap((plan) => taskInputs(plan, compiled))
  return [...new Set(inputs.map(({ topic }) => topic))]
}
