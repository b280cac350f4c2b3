/**
 * Whether everything that stands in the input topics has been processed and committed. It asks the log and the
 * state, not the tasks, so it is the same wherever they run.
 */
import { present } from '../core/assert.ts'
import type { TopicName, TopicPartition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log, TopicDescription } from '../log/log.ts'
import { partitionCountsOf } from '../topology/partition-counts.ts'
import { addedPartitions } from './added-partitions.ts'
import { partitionsOf } from './open-inputs.ts'
import { broadcastPositionsStore, positionName, PositionsStore } from './positions-store.ts'
import { ScopedState } from './scoped-state.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'
import { taskGraphOf, taskInputs, taskPlans } from './task-plan.ts'

interface Reached extends TopicPartition {
  readonly offset: number
}

export interface IdleCheckOptions {
  readonly log: Log
  readonly state: StateBackend
  readonly topologies: ReadonlyMap<string, CompiledTopology>
  readonly defaultPartitionCount: number
  /** False for a task whose state is with another instance: that one knows what it has read of broadcast topics. */
  readonly isOwn: (taskId: string) => boolean
}

export class IdleCheck {
  readonly #options: IdleCheckOptions

  constructor(options: IdleCheckOptions) {
    this.#options = options
  }

  /** How many committed records of the inputs are not processed, those of partitions that nobody reads among them. What
   * was reached is read before the ends: where nothing was left then, no commit was under way that could have produced
   * more. */
  async lag(): Promise<number> {
    const reached: Reached[] = []
    for (const [name, compiled] of this.#options.topologies) {
      reached.push(...(await this.#reached(name, compiled)))
    }
    // An instance without tasks has reached nothing of a broadcast topic: what nobody reads there counts all the same.
    const names = new Set([...this.#broadcastTopics(), ...reached.map(({ topic }) => topic)])
    const descriptions = await this.#options.log.describeTopics([...names])
    const byName = new Map(descriptions.map((description) => [description.name, description]))
    let lag = 0
    for (const { topic, partition, offset } of reached) {
      const at = present(byName.get(topic)?.partitions[partition], `${topic}-${partition}`)
      lag += Math.max(0, at.lastStableOffset - Math.max(offset, at.logStartOffset))
    }
    return lag + this.#unreadIn(descriptions)
  }

  #broadcastTopics(): TopicName[] {
    const taskGraphs = [...this.#options.topologies.values()].flatMap((each) => each.taskGraphs)
    return taskGraphs.flatMap(({ broadcastTopics }) => broadcastTopics.map(({ name }) => name))
  }

  #unreadIn(descriptions: readonly TopicDescription[]): number {
    const { topologies, defaultPartitionCount } = this.#options
    const graphs = [...topologies.values()].map(({ graph }) => graph)
    const added = addedPartitions(graphs, defaultPartitionCount, descriptions)
    return added.reduce((sum, { unread }) => sum + unread, 0)
  }

  async #reached(name: string, compiled: CompiledTopology): Promise<Reached[]> {
    const { log, defaultPartitionCount } = this.#options
    const plans = taskPlans(compiled.graph, defaultPartitionCount)
    const partitioned = plans.flatMap((plan) => taskInputs(plan, compiled))
    const committed = await log.committedOffsets(name, partitioned)
    const reached: Reached[] = partitioned.map((at, index) => ({
      ...at,
      offset: committed[index]?.offset ?? 0,
    }))
    for (const plan of plans.filter(({ id }) => this.#options.isOwn(id))) {
      reached.push(...(await this.#broadcastReached(plan, compiled)))
    }
    return reached
  }

  async #broadcastReached(plan: TaskPlan, compiled: CompiledTopology): Promise<Reached[]> {
    const { broadcastTopics } = taskGraphOf(plan, compiled)
    if (broadcastTopics.length === 0) return []
    const counts = partitionCountsOf(compiled.graph, this.#options.defaultPartitionCount)
    const partitions = broadcastTopics.flatMap(({ name }) =>
      partitionsOf(name, present(counts.get(name), `partition count of ${name}`)),
    )
    const state = new ScopedState(this.#options.state, plan.topologyName)
    const store = broadcastPositionsStore(plan.subTopology)
    const positions = await new PositionsStore(state, store, plan.partition).read(
      partitions.map(positionName),
    )
    return partitions.map((where, index) => ({ ...where, offset: positions[index] ?? 0 }))
  }
}
