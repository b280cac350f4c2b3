/**
 * One sub-topology on one partition: its input, its state, its processors, and the commit that makes a batch
 * of them durable. The thread decides when; the task does.
 *
 * Invariants:
 *  1. Between two commits nothing of the batch can be seen outside the task.
 *  2. `restore` leaves the task as its last commit left it, whatever happened since; a task that failed is
 *     closed and another one is made in its place.
 *  3. Stream time is the greatest event time of the records taken from partitioned inputs; broadcast topics do not move it.
 */
import { assert, present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { Offset, Partition, TopicName } from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type {
  FetchedPartition,
  FetchPartition,
  GroupMetadata,
  Log,
  PartitionOffset,
  TransactionalProducer,
} from '../log/log.ts'
import type { Processor } from '../processors/processor.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import type { MemoryBudget } from '../state/memory-budget.ts'
import { openTaskStores } from '../state/task-stores.ts'
import type { TaskStores } from '../state/task-stores.ts'
import type { SubTopology } from '../topology/graph.ts'
import { BatchRoom } from './batch-room.ts'
import type { Codecs } from './codecs.ts'
import type { Committable, CommitContent } from './commit.ts'
import { Execution } from './execution.ts'
import { flushProcessors } from './flush-processors.ts'
import { IdleTime } from './idle-time.ts'
import type { Origin } from './input-record.ts'
import { InputQueue } from './input-queue.ts'
import type { InputPartition, Readiness } from './input-queue.ts'
import type { RuntimeLimits } from './limits.ts'
import { NodeContext } from './node-context.ts'
import type { TaskEnvironment } from './node-context.ts'
import { committedStreamTime, offsetMetadata } from './offset-metadata.ts'
import { openInputs, passAllRemoved, passRemoved } from './open-inputs.ts'
import { OutputBuffer } from './output-buffer.ts'
import { broadcastPositionsStore, positionName, PositionsStore } from './positions-store.ts'
import { processingError } from './processing-error.ts'
import { Punctuations } from './punctuations.ts'
import type { WaitingFor } from './runtime-status.ts'
import type { ScopedState } from './scoped-state.ts'
import { SourceDecoder, type Quarantine } from './source-decoder.ts'
import { restoreState, type StateKeeper } from './state-keeper.ts'
import { TaskChangelogs } from './task-changelogs.ts'
import type { TaskGraph } from './task-graph.ts'
import { TaskLifecycle } from './task-lifecycle.ts'
import type { TaskMetrics } from './task-metrics.ts'
import { TaskQuarantine } from './task-quarantine.ts'

export interface StreamTaskOptions {
  readonly id: string
  readonly topologyName: string
  readonly subTopology: SubTopology
  readonly graph: TaskGraph
  readonly partition: Partition
  readonly log: Log
  readonly state: ScopedState
  /** Null where the log shares its storage with the state. */
  readonly stateKeeper: StateKeeper | null
  readonly budget: MemoryBudget
  readonly codecs: Codecs
  readonly clock: Clock
  readonly limits: RuntimeLimits
  readonly metrics: TaskMetrics
  readonly producer: TransactionalProducer
  readonly group: () => GroupMetadata
  readonly partitionCountOf: (topic: TopicName) => number
  /** What cannot be decoded of a topic is kept by one of the sub-topologies that read it: is it this one? */
  readonly keepsUnread: (topic: TopicName) => boolean
}

export class StreamTask implements Committable, TaskEnvironment {
  readonly id: string
  readonly topologyName: string
  readonly partition: Partition
  readonly clock: Clock
  readonly metrics: TaskMetrics
  readonly producer: TransactionalProducer
  readonly stateKeeper: StateKeeper | null
  readonly lifecycle: TaskLifecycle
  readonly stores: TaskStores
  readonly punctuations = new Punctuations()
  execution: Execution | null = null
  streamTimeMs = -Infinity
  waitingFor: WaitingFor | null = null
  /** To the loop: what it awaits is under way, and does not hang. */
  noteProgress: () => void = () => undefined
  readonly #options: StreamTaskOptions
  readonly #processors: (Processor | undefined)[] = []
  readonly #output: OutputBuffer
  readonly #quarantine: TaskQuarantine
  readonly #decoder: SourceDecoder
  readonly #broadcastPositions: PositionsStore
  readonly #changelogs: TaskChangelogs
  readonly #idle: IdleTime
  #input = new InputQueue([], 0)
  #inputs = new Map<TopicName, Map<Partition, InputPartition>>()
  readonly #room: BatchRoom
  /** Where broadcast topics ended when the task started; null once it has read so far. */
  #bootstrapEnds: Map<InputPartition, Offset> | null = null

  constructor(options: StreamTaskOptions) {
    this.#options = options
    this.id = options.id
    this.topologyName = options.topologyName
    this.partition = options.partition
    this.clock = options.clock
    this.metrics = options.metrics
    this.producer = options.producer
    this.stateKeeper = options.stateKeeper
    this.lifecycle = new TaskLifecycle(options.id)
    const { partition, state, budget, subTopology, codecs, partitionCountOf } = options
    this.stores = openTaskStores({
      definitions: subTopology.stores,
      partition,
      backend: state,
      budget,
    })
    this.#changelogs = new TaskChangelogs(options)
    this.#room = new BatchRoom(options.limits)
    this.#idle = new IdleTime(options.limits.idleAdvanceAfterMs)
    this.#output = new OutputBuffer({ codecs, partitionCountOf, partition })
    this.#quarantine = new TaskQuarantine({ ...options })
    const hasStores = subTopology.stores.length > 0
    this.#decoder = new SourceDecoder({ ...options, quarantine: this.#quarantineUnread, hasStores })
    const reserved = broadcastPositionsStore(subTopology.index)
    this.#broadcastPositions = new PositionsStore(state, reserved, partition)
  }

  get group(): GroupMetadata {
    return this.#options.group()
  }

  get inputs(): readonly InputPartition[] {
    return this.#input.partitions
  }

  /** Records processed since the last commit. */
  get uncommittedRecords(): number {
    return this.#room.records
  }

  /** True where a commit would make something durable. */
  get needsCommit(): boolean {
    if (this.#room.records > 0 || this.#output.recordCount > 0) return true
    if (this.#quarantine.count > 0 || this.stores.pendingEntryCount > 0) return true
    return this.inputs.some(({ position, committed }) => position !== committed)
  }

  /** True while the batch has used up its room, or the state that it pins the memory budget, or what it refused a batch's
   * bytes: commit early. */
  get isOverBudget(): boolean {
    if (this.#quarantine.bytes >= this.#options.limits.batchBytesMax) return true
    if (this.#room.isUsedUp) return true
    return this.#room.records > 0 && this.#options.budget.isExceeded
  }

  /**
   * Reads positions and state as the last commit left them, and makes the processors. The group's offsets come
   * first: once they are read in this generation no earlier owner can commit, so the changelog's end that is
   * looked up after them has all that belongs to them. Ends without running where the signal is raised.
   */
  async restore(onProgress: () => void, signal: AbortSignal): Promise<void> {
    this.lifecycle.moveTo('RESTORING')
    this.noteProgress = onProgress
    const committed = await this.#committedOffsets()
    if (this.stateKeeper !== null) await restoreState(this, this.stateKeeper, onProgress, signal)
    if (signal.aborted) return
    await this.#readPositions(committed)
    this.#makeProcessors()
    this.lifecycle.moveTo('RUNNING')
  }

  #committedOffsets(): Promise<readonly (PartitionOffset | null)[]> {
    const { graph, log, partition } = this.#options
    const partitions = graph.partitionedTopics.map(({ name }) => ({ topic: name, partition }))
    return log.committedOffsets(this.group.groupId, partitions)
  }

  async #readPositions(committed: readonly (PartitionOffset | null)[]): Promise<void> {
    this.advanceStreamTime(committedStreamTime(committed, this.metrics))
    const broadcastPositions = this.#broadcastPositions
    const opened = await openInputs({ ...this.#options, committed, broadcastPositions })
    this.metrics.skips.setBack()
    const ends = new Map<InputPartition, Offset>()
    for (const { input, at } of opened) {
      passRemoved(input, at, this.metrics.skips)
      const { lastStableOffset } = at
      if (input.broadcast && input.position < lastStableOffset) ends.set(input, lastStableOffset)
      const ofTopic = this.#inputs.get(input.topic)
      if (ofTopic === undefined) this.#inputs.set(input.topic, new Map([[input.partition, input]]))
      else ofTopic.set(input.partition, input)
    }
    this.#bootstrapEnds = ends.size === 0 ? null : ends
    const inputs = opened.map(({ input }) => input)
    this.#input = new InputQueue(inputs, this.#options.limits.taskIdleMs)
  }

  /** After a fetch out of range: goes on where the log begins now; false where it removed nothing. */
  passRemoved(): Promise<boolean> {
    return passAllRemoved(this.#options.log, this.inputs, this.metrics.skips)
  }

  #makeProcessors(): void {
    const { graph } = this.#options
    for (const node of graph.processors) {
      this.#processors[node.index] = node.graphNode.supplier()
    }
    this.execution = new Execution({
      taskId: this.id,
      graph,
      stores: this.stores,
      processors: this.#processors,
      output: this.#output,
      refuse: this.#quarantine.refuse,
    })
    for (const node of graph.processors) {
      try {
        this.#processors[node.index]?.init?.(new NodeContext(node, this))
      } catch (thrown) {
        throw processingError(this.id, node.name, null, thrown)
      }
    }
  }

  /** What to fetch next: nothing of a partition whose buffer is full; only broadcast topics until they have
   * been read to where they ended at the start. */
  fetchPositions(): FetchPartition[] {
    const { bufferedRecordsMax } = this.#options.limits
    const positions: FetchPartition[] = []
    for (const input of this.inputs) {
      if (this.#bootstrapEnds !== null && !this.#bootstrapEnds.has(input)) continue
      if (input.buffered >= bufferedRecordsMax) continue
      const { topic, partition, fetchOffset } = input
      positions.push({ topic, partition, offset: fetchOffset })
    }
    return positions
  }

  /** Takes in what was fetched: decoded, or in quarantine. */
  async add(fetched: readonly FetchedPartition[]): Promise<void> {
    for (const range of fetched) {
      const input = present(
        this.#inputs.get(range.topic)?.get(range.partition),
        `input ${range.topic}-${range.partition}`,
      )
      input.wasAsked = true
      if (range.isStale === true) continue

      const records = await this.#decoder.decode(range, range.records)
      const { nextOffset, lastStableOffset: endOffset } = range
      input.add(records, { nextOffset, endOffset }, this.clock.nowMs())
    }
    this.#noteBootstrap() // What stood there may end in markers, of which nothing is processed.
  }

  readiness(): Readiness {
    return this.#input.readiness(this.clock.nowMs())
  }

  /** Processes what is there, as far as the batch has room. */
  async process(): Promise<void> {
    assert(this.lifecycle.state === 'RUNNING', `task ${this.id} processes while it runs`)
    const inputs = this.#input.take(this.#room.turnRecordsMax, this.clock.nowMs())
    for (const { origin, record } of inputs) {
      if (!this.#isBroadcast(origin)) this.advanceStreamTime(record.timestampMs)
      origin.streamTimeMs = this.streamTimeMs
    }
    await present(this.execution, 'the execution').run(inputs)
    this.#room.took(inputs.length, this.#output.byteCount)
    this.#noteBootstrap()
  }

  #isBroadcast(origin: Origin): boolean {
    return this.#inputs.get(origin.topic)?.get(origin.partition)?.broadcast === true
  }

  #noteBootstrap(): void {
    if (this.#bootstrapEnds === null) return
    for (const [input, end] of this.#bootstrapEnds) {
      if (input.position >= end) this.#bootstrapEnds.delete(input)
    }
    if (this.#bootstrapEnds.size === 0) this.#bootstrapEnds = null
  }

  /** True where all is read that stood in the broadcast topics when the task started. */
  get isBootstrapped(): boolean {
    this.#noteBootstrap()
    return this.#bootstrapEnds === null
  }

  advanceStreamTime(streamTimeMs: number): void {
    if (streamTimeMs > this.streamTimeMs) this.streamTimeMs = streamTimeMs
  }

  /** Runs the punctuations that are due; stream time goes on with the wall clock where all inputs are idle. */
  async punctuate(): Promise<void> {
    const nowMs = this.clock.nowMs()
    this.advanceStreamTime(this.#idle.streamTimeMs(this.inputs, this.streamTimeMs))
    this.stores.advanceStreamTime(this.streamTimeMs)
    await this.#punctuate('stream-time', this.streamTimeMs)
    await this.#punctuate('wall-clock-time', nowMs)
  }

  async #punctuate(type: 'stream-time' | 'wall-clock-time', nowMs: number): Promise<void> {
    const execution = present(this.execution, 'the execution')
    for (const punctuation of this.punctuations.takeDue(type, nowMs)) {
      // Another one may have cancelled it.
      if (!this.punctuations.isScheduled(punctuation, type)) continue

      await execution.runHeld(punctuation.node, () => punctuation.callback(nowMs))
    }
  }

  /** When the task has something to do though no record comes; null where it has not. */
  nextDueMs(): number | null {
    const wallDueMs = this.punctuations.nextDueMs('wall-clock-time')
    const streamDueMs = this.punctuations.nextDueMs('stream-time')
    const idleDueMs = this.#idle.dueMs(this.inputs, this.streamTimeMs, streamDueMs)
    const dues = [wallDueMs, idleDueMs].filter((dueMs) => dueMs !== null)
    return dues.length === 0 ? null : Math.min(...dues)
  }

  // What a commit needs, in the order of its steps.

  async finishBatch(): Promise<void> {
    await this.punctuate()
    const execution = present(this.execution, 'the execution')
    const { graph } = this.#options
    await flushProcessors(execution, graph.processors, this.#processors, this.noteProgress)
    await this.stores.expire(this.#options.limits.expireEntriesMax)
  }

  takeContent(): CommitContent {
    const changes: StateChange[] = this.stores.pendingChanges()
    const metadata = offsetMetadata(this.streamTimeMs)
    const offsets = []
    for (const input of this.inputs) {
      const { topic, partition, position, broadcast } = input
      if (!broadcast) offsets.push({ topic, partition, offset: position, metadata })
      else if (position !== input.committed) {
        changes.push(this.#broadcastPositions.change(positionName(input), position))
      }
    }
    const codec = this.#options.codecs.of(quarantineTopic)
    for (const record of this.#quarantine.records(codec)) {
      this.#output.add(quarantineTopic.name, record)
    }
    return {
      outputs: this.#output.batches(),
      changelog: this.#changelogs.take(changes, this.streamTimeMs),
      state: this.#options.state.scoped(changes),
      offsets,
    }
  }

  batchIsDone(): void {
    this.stores.committed()
    for (const input of this.inputs) {
      input.committed = input.position
      this.metrics.skips.committed(input, input.position, this.clock.nowMs())
    }
    this.metrics.processed += this.#room.records
    this.metrics.produced += this.#output.recordCount + this.#changelogs.factCount
    this.metrics.quarantined += this.#quarantine.count
    this.metrics.warnings += this.#quarantine.warnings
    this.metrics.commits += 1
    this.metrics.lastCommitMs = this.clock.nowMs()
    this.#room.committed()
    this.#output.clear()
    this.#quarantine.clear()
  }

  // What processors and the decoder hand over.

  readonly noteHeld = (bytes: number): void => {
    this.#room.hold(bytes)
  }

  readonly quarantine: Quarantine = (at, raw, why) => {
    this.#quarantine.add(at, raw, why)
  }

  readonly #quarantineUnread: Quarantine = (at, raw, why) => {
    if (this.#options.keepsUnread(at.topic)) this.#quarantine.add(at, raw, why)
  }

  /** After the last commit, or giving up what came after it. The producer is its opener's to close. */
  close(): void {
    if (this.lifecycle.state !== 'CREATED') this.lifecycle.moveTo('SUSPENDED')
    for (const processor of this.#processors) processor?.close?.()
    this.stores.close()
    this.#output.clear()
    this.lifecycle.moveTo('CLOSED')
  }
}
