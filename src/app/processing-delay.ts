/**
 * How long a record that comes in now waits until its facts can be queried: by what waits before it, and how quickly
 * that was done lately. It asks the log alone, so it is the same wherever tasks run and facts are written.
 *
 * The way of a record has three stages, one after the other: the topic that it comes in by, the repartition topics, the
 * fact topics. What waits in a stage passes side by side, so the slowest topic of a stage counts.
 */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { TopicName, TopicPartition } from '../core/record.ts'
import type { Log, PartitionDescription } from '../log/log.ts'
import { compileTopology, taskInputs, taskPlans } from '../runtime/task-plan.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import type { LoadedTopology } from './topologies.ts'

export interface ProcessingDelayOptions {
  readonly log: Log
  readonly clock: Clock
  readonly topologies: readonly LoadedTopology[]
  /** Of a topic that does not say. */
  readonly partitions: number
}

type Stage = 'source' | 'internal' | 'facts'

/** A topic as one group reads it. */
interface Passage {
  readonly stage: Stage
  readonly groupId: string
  readonly topic: TopicName
  readonly progress: Progress
}

/** So few records are in hand, and no backlog: a batch or two. */
const recordsInHand = 10_000

export class ProcessingDelay {
  readonly #options: ProcessingDelayOptions
  readonly #ways: readonly (readonly Passage[])[]

  constructor(options: ProcessingDelayOptions) {
    this.#options = options
    this.#ways = options.topologies.map((loaded) => wayOf(loaded, options.partitions))
  }

  /** Milliseconds, `Infinity` while nothing gets on; null where nothing reads the topic by partition.
   * @throws what the log throws */
  async of(topic: string): Promise<number | null> {
    const isPassed = ({ stage, topic: name }: Passage) => stage !== 'source' || name === topic
    const ways = this.#ways
      .map((way) => way.filter(isPassed))
      .filter((way) => way.some(({ stage }) => stage === 'source'))
    if (ways.length === 0) return null
    const delays = await Promise.all(ways.map((way) => this.#delayOn(way)))
    return Math.max(...delays)
  }

  async #delayOn(way: readonly Passage[]): Promise<number> {
    const { log } = this.#options
    const descriptions = await log.describeTopics([...new Set(way.map(({ topic }) => topic))])
    const slowest = { source: 0, internal: 0, facts: 0 }
    for (const groupId of new Set(way.map((passage) => passage.groupId))) {
      const read = way
        .filter((passage) => passage.groupId === groupId)
        .map((passage) => {
          const found = descriptions.find(({ name }) => name === passage.topic)
          return { ...passage, partitions: found?.partitions ?? [] }
        })
      const places: TopicPartition[] = read.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition }) => ({ topic, partition })),
      )
      const committed = await log.committedOffsets(groupId, places)
      let next = 0
      for (const { stage, partitions, progress } of read) {
        const reached = partitions.map(() => committed[next++]?.offset ?? 0)
        slowest[stage] = Math.max(slowest[stage], this.#delayOf(partitions, reached, progress))
      }
    }
    return slowest.source + slowest.internal + slowest.facts
  }

  #delayOf(
    partitions: readonly PartitionDescription[],
    reached: readonly number[],
    progress: Progress,
  ): number {
    let waiting = 0
    let passed = 0
    for (const [index, { logStartOffset, lastStableOffset }] of partitions.entries()) {
      const offset = Math.max(present(reached[index], 'where the group is'), logStartOffset)
      waiting += Math.max(0, lastStableOffset - offset)
      passed += offset
    }
    const perMs = progress.perMs(this.#options.clock.monotonicMs(), passed)
    return waiting <= recordsInHand ? 0 : waiting / perMs
  }
}

function wayOf({ graph, factTables }: LoadedTopology, partitions: number): Passage[] {
  const compiled = compileTopology(graph)
  const inputs = taskPlans(graph, partitions).flatMap((plan) => taskInputs(plan, compiled))
  const internal = new Set(
    graph.nodes.flatMap((node) => (node.kind === 'repartition-source' ? [node.topic.name] : [])),
  )
  const passage = (stage: Stage, groupId: string, topic: TopicName): Passage => {
    return { stage, groupId, topic, progress: new Progress() }
  }
  return [
    ...[...new Set(inputs.map(({ topic }) => topic))].map((topic) =>
      passage(internal.has(topic) ? 'internal' : 'source', graph.name, topic),
    ),
    ...factTables.map(({ topic }) => passage('facts', sinkGroup(graph.name), topic.name)),
  ]
}

const windowMs = 3000
const sampleEveryMs = 50

/** How quickly a number has grown lately. */
class Progress {
  readonly #samples: { readonly atMs: number; readonly passed: number }[] = []

  /** Takes the number as of now; 0 where it is not known yet. */
  perMs(atMs: number, passed: number): number {
    const samples = this.#samples
    while (samples[0] !== undefined && samples[0].atMs < atMs - windowMs) samples.shift()
    const last = samples.at(-1)
    if (last === undefined || atMs - last.atMs >= sampleEveryMs) samples.push({ atMs, passed })
    const first = present(samples[0], 'the sample just taken')
    return first.atMs === atMs ? 0 : Math.max(0, passed - first.passed) / (atMs - first.atMs)
  }
}
