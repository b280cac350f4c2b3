/** Where a task begins to read each of its inputs: where its last commit has left it. */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { Offset, Partition, TopicName, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { SkipCount } from '../core/skipped-records.ts'
import type { Log, PartitionDescription, PartitionOffset } from '../log/log.ts'
import { InputPartition } from './input-queue.ts'
import { positionName } from './positions-store.ts'
import type { PositionsStore } from './positions-store.ts'
import type { TaskGraph } from './task-graph.ts'

export interface OpenInputsOptions {
  readonly graph: TaskGraph
  readonly partition: Partition
  readonly log: Log
  readonly clock: Clock
  /** Of the partitioned inputs, in the graph's order; null where nothing was committed. */
  readonly committed: readonly (PartitionOffset | null)[]
  readonly broadcastPositions: PositionsStore
  /** When the topology has started. What a broadcast topic is given later is read by no task, whenever it starts: all of
   * them have read the same (`added-partitions.ts`). */
  readonly partitionCountOf: (topic: TopicName) => number
}

export interface OpenInput {
  /** It stands at what was committed, which the log may have removed; where nothing was, at the log's start. */
  readonly input: InputPartition
  readonly at: PartitionDescription
}

export async function openInputs(options: OpenInputsOptions): Promise<OpenInput[]> {
  const { graph, partition, log, clock, committed, broadcastPositions, partitionCountOf } = options
  const names = [...graph.partitionedTopics, ...graph.broadcastTopics].map(({ name }) => name)
  const descriptions = await log.describeTopics(names)
  const byName = new Map(descriptions.map((description) => [description.name, description]))
  const open = (where: TopicPartition, broadcast: boolean, reached: number | null): OpenInput => {
    const at = present(
      byName.get(where.topic)?.partitions[where.partition],
      topicPartitionId(where),
    )
    const input = new InputPartition(where, broadcast, (reached ?? at.logStartOffset) as Offset)
    input.seenEnd = { offset: at.lastStableOffset, atMs: clock.nowMs() }
    return { input, at }
  }
  const broadcast = graph.broadcastTopics.flatMap(({ name: topic }) =>
    partitionsOf(topic, partitionCountOf(topic)),
  )
  const reached = await broadcastPositions.read(broadcast.map(positionName))
  return [
    ...graph.partitionedTopics.map(({ name: topic }, index) =>
      open({ topic, partition }, false, committed[index]?.offset ?? null),
    ),
    ...broadcast.map((where, index) => open(where, true, reached[index] ?? null)),
  ]
}

/** The first ones of a topic. */
export function partitionsOf(topic: TopicName, count: number): TopicPartition[] {
  return Array.from({ length: count }, (_, number) => ({ topic, partition: number as Partition }))
}

/** An input that stands before the start of the log goes on there; true where it did. */
export function passRemoved(
  input: InputPartition,
  { logStartOffset, lastStableOffset }: PartitionDescription,
  skips: SkipCount,
): boolean {
  if (input.fetchOffset >= logStartOffset) return false
  skips.note(input, input.fetchOffset, logStartOffset)
  input.skipTo(logStartOffset, lastStableOffset)
  return true
}

/** False where the log has removed nothing that the inputs wait for. */
export async function passAllRemoved(
  log: Log,
  inputs: readonly InputPartition[],
  skips: SkipCount,
): Promise<boolean> {
  const topics = [...new Set(inputs.map(({ topic }) => topic))]
  const descriptions = await log.describeTopics(topics)
  const byName = new Map(descriptions.map(({ name, partitions }) => [name, partitions]))
  const passed = inputs.filter((input) => {
    const at = byName.get(input.topic)?.[input.partition]
    return passRemoved(input, present(at, topicPartitionId(input)), skips)
  })
  return passed.length > 0
}
