/** Which tasks a topology has, and how one is made. */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Partition, TopicName, TopicPartition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { GroupMetadata, Log, TransactionalProducer } from '../log/log.ts'
import type { MemoryBudget } from '../state/memory-budget.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { taskCountOf } from '../topology/partition-counts.ts'
import type { Codecs } from './codecs.ts'
import type { RuntimeLimits } from './limits.ts'
import { ScopedState } from './scoped-state.ts'
import type { StateKeeper } from './state-keeper.ts'
import { StreamTask } from './stream-task.ts'
import { compileTaskGraph } from './task-graph.ts'
import type { TaskGraph } from './task-graph.ts'
import type { TaskMetrics } from './task-metrics.ts'

/** A task by its place; plain data, so that it can be sent to a worker. */
export interface TaskPlan {
  /** Unique in the process: `mcq-0_2` is partition 2 of sub-topology 0 of mcq. */
  readonly id: string
  readonly topologyName: string
  readonly subTopology: number
  readonly partition: Partition
}

/** A topology with its sub-topologies compiled; shared by its tasks. */
export interface CompiledTopology {
  readonly graph: TopologyGraph
  readonly taskGraphs: readonly TaskGraph[]
}

export function compileTopology(graph: TopologyGraph): CompiledTopology {
  return { graph, taskGraphs: graph.subTopologies.map(compileTaskGraph) }
}

/** By name. @throws TidemarkError TOPOLOGY_INVALID */
export function compileTopologies(
  graphs: readonly TopologyGraph[],
): ReadonlyMap<string, CompiledTopology> {
  const compiled = new Map<string, CompiledTopology>()
  for (const graph of graphs) {
    if (compiled.has(graph.name)) {
      throw new TidemarkError('TOPOLOGY_INVALID', `two topologies are called ${graph.name}`)
    }
    compiled.set(graph.name, compileTopology(graph))
  }
  return compiled
}

export function taskId(topologyName: string, subTopology: number, partition: Partition): string {
  return `${topologyName}-${subTopology}_${partition}`
}

export function taskPlans(graph: TopologyGraph, defaultPartitionCount: number): TaskPlan[] {
  return graph.subTopologies.flatMap((subTopology) => {
    const count = taskCountOf(subTopology, defaultPartitionCount)
    return Array.from({ length: count }, (_, partition) => ({
      id: taskId(graph.name, subTopology.index, partition as Partition),
      topologyName: graph.name,
      subTopology: subTopology.index,
      partition: partition as Partition,
    }))
  })
}

/** What the group has to assign to a member so that it runs the task. */
export function taskInputs(plan: TaskPlan, compiled: CompiledTopology): TopicPartition[] {
  const { partitionedTopics } = taskGraphOf(plan, compiled)
  return partitionedTopics.map(({ name }) => ({ topic: name, partition: plan.partition }))
}

export function taskGraphOf(plan: TaskPlan, compiled: CompiledTopology): TaskGraph {
  return present(compiled.taskGraphs[plan.subTopology], `sub-topology ${plan.subTopology}`)
}

/** What all tasks of a thread are made of. */
export interface TaskSurroundings {
  readonly log: Log
  readonly state: StateBackend
  /** Null where the log shares its storage with the state. */
  readonly stateKeeper: StateKeeper | null
  readonly budget: MemoryBudget
  readonly codecs: Codecs
  readonly clock: Clock
  readonly limits: RuntimeLimits
  /** As whom the task commits. @throws TidemarkError PRODUCER_FENCED where it is this member's no more */
  readonly group: (plan: TaskPlan) => GroupMetadata
  readonly partitionCountOf: (topic: TopicName) => number
}

export function makeTask(
  plan: TaskPlan,
  compiled: CompiledTopology,
  surroundings: TaskSurroundings,
  producer: TransactionalProducer,
  metrics: TaskMetrics,
): StreamTask {
  const { state, group, ...shared } = surroundings
  const { id, topologyName, subTopology, partition } = plan
  return new StreamTask({
    ...shared,
    id,
    topologyName,
    subTopology: present(compiled.graph.subTopologies[subTopology], `sub-topology of ${id}`),
    graph: taskGraphOf(plan, compiled),
    partition,
    state: new ScopedState(state, topologyName),
    metrics,
    producer,
    group: () => group(plan),
    keepsUnread: (topic) =>
      compiled.taskGraphs.findIndex(({ sourcesByTopic }) => sourcesByTopic.has(topic)) ===
      subTopology,
  })
}
