/**
 * How much of the inputs is not processed and committed, when that is asked for. A task has seen where a partition ended
 * when it last fetched it, and while its buffer is full that may be long ago. So the log itself is asked: at the moment where
 * it knows its ends, else in the background, and only where no task has seen the end lately; a server that does not answer
 * leaves what was known. Of a task that has not opened its inputs yet, the partitioned ones count from where its group has
 * committed them.
 */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { topicPartitionId } from '../core/record.ts'
import type { TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { InputStatus, SeenEnd, TaskStatus } from './runtime-status.ts'
import { taskInputs } from './task-plan.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'

/** How old an end may be before it is asked for, and how often that is done at most. */
const askAfterMs = 1000

type Told = Pick<TaskStatus, 'id' | 'inputs'>

export interface InputLagOptions {
  readonly log: Pick<Log, 'committedOffsets' | 'describeTopics' | 'endOffsetNow' | 'askEndOffsets'>
  readonly clock: Clock
  /** Those that run here now. */
  readonly tasks: () => readonly Told[]
  readonly topologies: ReadonlyMap<string, CompiledTopology>
}

export class InputLag {
  readonly #options: InputLagOptions
  /** Of tasks that were given to this process: how their inputs were then, by id. */
  readonly #given = new Map<string, readonly InputStatus[]>()
  /** By partition; of those only that were asked for last. */
  #asked = new Map<string, SeenEnd>()
  /** Of which the log could not say how they were. */
  #unnoted: readonly TaskPlan[] = []
  #cancel: (() => void) | null = null
  #isStopped = false

  constructor(options: InputLagOptions) {
    this.#options = options
  }

  of(task: Told): number {
    return this.#inputsOf(task).reduce(
      (sum, input) => sum + Math.max(0, this.#end(input) - input.committed),
      0,
    )
  }

  #inputsOf({ id, inputs }: Told): readonly InputStatus[] {
    return inputs.length > 0 ? inputs : (this.#given.get(id) ?? [])
  }

  #end(input: InputStatus): number {
    const now = this.#options.log.endOffsetNow?.(input)
    if (now !== undefined) return now
    const asked = this.#asked.get(topicPartitionId(input))
    return latest(asked, input.end)?.offset ?? input.committed
  }

  start(): void {
    const { log, clock } = this.#options
    if (this.#isStopped || log.endOffsetNow !== undefined || log.askEndOffsets === undefined) return
    this.#cancel = clock.after(askAfterMs, () => {
      void this.#ask()
      this.start()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /** These tasks are given to this process. Nobody has to wait for it. */
  async noteGiven(plans: readonly TaskPlan[]): Promise<void> {
    try {
      await Promise.all(
        [...Map.groupBy(plans, ({ topologyName }) => topologyName)].map(([name, own]) =>
          this.#noteGroup(name, own),
        ),
      )
    } catch {
      // The log cannot say just now; those who read from it tell why.
      this.#unnoted = [...this.#unnoted, ...plans]
    }
  }

  async #noteGroup(groupId: string, plans: readonly TaskPlan[]): Promise<void> {
    const { log, clock, topologies } = this.#options
    const atMs = clock.nowMs()
    const topology = present(topologies.get(groupId), `topology ${groupId}`)
    const places = plans.flatMap((plan) => taskInputs(plan, topology).map((at) => ({ plan, at })))
    const topics = [...new Set(places.map(({ at }) => at.topic))]
    const [committed, descriptions] = await Promise.all([
      log.committedOffsets(
        groupId,
        places.map(({ at }) => at),
      ),
      log.describeTopics(topics),
    ])
    const described = new Map(descriptions.map(({ name, partitions }) => [name, partitions]))
    const inputs = places.flatMap(({ plan, at: { topic, partition } }, index) => {
      const found = described.get(topic)?.[partition]
      if (found === undefined) return []
      const position = Math.max(committed[index]?.offset ?? 0, found.logStartOffset)
      const end = { offset: found.lastStableOffset, atMs }
      return [{ id: plan.id, topic, partition, position, committed: position, buffered: 0, end }]
    })
    for (const [id, own] of Map.groupBy(inputs, (input) => input.id)) this.#given.set(id, own)
  }

  async #ask(): Promise<void> {
    const unnoted = this.#unnoted
    this.#unnoted = []
    if (unnoted.length > 0) await this.noteGiven(unnoted)
    const { log, clock } = this.#options
    const atMs = clock.nowMs()
    const overdue = this.#overdue(atMs - askAfterMs)
    this.#asked = new Map([...this.#asked].filter(([id]) => overdue.has(id)))
    if (overdue.size === 0) return
    try {
      const ends = await log.askEndOffsets?.([...overdue.values()])
      for (const [id, offset] of ends ?? []) {
        // A server that was away may answer after one that was asked later.
        if ((this.#asked.get(id)?.atMs ?? -Infinity) < atMs) this.#asked.set(id, { offset, atMs })
      }
    } catch {
      // The log cannot say just now; those who read from it tell why.
    }
  }

  /** By id, the partitions that a task has not seen the end of since. */
  #overdue(sinceMs: number): Map<string, TopicPartition> {
    const overdue = new Map<string, TopicPartition>()
    for (const { topic, partition, end } of this.#options
      .tasks()
      .flatMap((task) => this.#inputsOf(task))) {
      const at = { topic, partition }
      if (end === null || end.atMs < sinceMs) overdue.set(topicPartitionId(at), at)
    }
    return overdue
  }
}

function latest(asked: SeenEnd | undefined, seen: SeenEnd | null): SeenEnd | null {
  if (asked === undefined) return seen
  return seen !== null && seen.atMs >= asked.atMs ? seen : asked
}
