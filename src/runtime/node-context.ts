/** The context of one processor in one task. */
import { assert, present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Partition } from '../core/record.ts'
import type {
  DropReason,
  ErrorPolicy,
  ProcessorContext,
  PunctuationType,
  QuarantineReason,
  RecordMetadata,
  StreamRecord,
} from '../processors/processor.ts'
import type { AnyStore } from '../state/stores.ts'
import type { TaskStores } from '../state/task-stores.ts'
import type { ProcessorNode } from '../topology/graph.ts'
import type { Execution } from './execution.ts'
import type { Punctuations } from './punctuations.ts'
import type { Quarantine } from './source-decoder.ts'
import type { TaskMetrics } from './task-metrics.ts'
import type { TaskNode } from './task-graph.ts'

/** What the contexts of a task's processors share. */
export interface TaskEnvironment {
  readonly topologyName: string
  readonly id: string
  readonly partition: Partition
  readonly clock: Clock
  readonly stores: TaskStores
  readonly punctuations: Punctuations
  readonly metrics: TaskMetrics
  readonly quarantine: Quarantine
  readonly streamTimeMs: number
  readonly noteProgress: () => void
  readonly noteHeld: (bytes: number) => void
  /** Null until all processors are made. */
  readonly execution: Execution | null
}

export class NodeContext implements ProcessorContext {
  readonly topologyName: string
  readonly taskId: string
  readonly partition: Partition
  readonly #node: TaskNode<ProcessorNode>
  readonly #task: TaskEnvironment

  constructor(node: TaskNode<ProcessorNode>, task: TaskEnvironment) {
    this.#node = node
    this.#task = task
    this.topologyName = task.topologyName
    this.taskId = task.id
    this.partition = task.partition
  }

  get recordMetadata(): RecordMetadata | null {
    return this.#task.execution?.origin ?? null
  }

  get streamTimeMs(): number {
    return this.#task.execution?.origin?.streamTimeMs ?? this.#task.streamTimeMs
  }

  get wallClockMs(): number {
    return this.#task.clock.nowMs()
  }

  forward(record: StreamRecord, to?: string): void {
    present(this.#task.execution, 'the execution: forward is not for init').forward(
      this.#node,
      record,
      to,
    )
  }

  store<S extends AnyStore>(name: string): S {
    if (!this.#node.graphNode.stores.some((own) => own === name)) {
      throw new TidemarkError(
        'TOPOLOGY_INVALID',
        `node ${this.#node.name} uses store ${name} without declaring it`,
        { details: { node: this.#node.name, store: name } },
      )
    }
    return this.#task.stores.get(name) as S
  }

  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => void | Promise<void>,
  ): { cancel(): void } {
    const { punctuations } = this.#task
    return punctuations.schedule(this.#node, intervalMs, type, this.wallClockMs, punctuate)
  }

  countDropped(reason: DropReason): void {
    this.#task.metrics.countDropped(this.#node.name, reason)
  }

  get onError(): ErrorPolicy {
    return this.#node.onError
  }

  refuse(thrown: unknown, record: StreamRecord, of: 'input' | 'earlier' = 'input'): void {
    if (this.onError === 'fail') throw thrown
    present(this.#task.execution, 'the execution').refuse(this.#node, record, thrown, of)
  }

  ifTakenBack(undo: () => void): void {
    this.#task.stores.undo.note(undo)
  }

  noteProgress(): void {
    this.#task.noteProgress()
  }

  noteHeld(bytes: number): void {
    this.#task.noteHeld(bytes)
  }

  quarantine(why: QuarantineReason): void {
    const origin = this.#task.execution?.origin ?? null
    assert(origin !== null, `node ${this.#node.name} quarantines the record in hand`)
    this.#task.quarantine(origin, origin.raw, why)
  }
}
