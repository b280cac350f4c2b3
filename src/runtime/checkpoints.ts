/**
 * How far the local state of each task reaches: for each changelog the offset up to which its store is complete,
 * and when that was written. Kept in a reserved store of the task, in the same write as the state, and in
 * memory, because every join of a group asks for all of it.
 *
 * Layout, by changelog topic: the offset (eight bytes, big-endian), the wall time in milliseconds (as well), and
 * one byte more while the store, begun from scratch, has not been complete yet.
 * Entries of eight bytes, of earlier versions, know no time; none of those versions marked what was not complete.
 */
import type { Clock } from '../core/clock.ts'
import type { Offset, TopicName } from '../core/record.ts'
import type { StateBackend, StateChange, StateRead } from '../core/state.ts'
import type { KeptTask, StoreChangelog } from './kept-task.ts'

export interface Checkpoint {
  /** The store holds every record of its changelog below it. */
  readonly offset: Offset
  /** Of the last write of any store of the task; null where it is not known. */
  readonly writtenMs: number | null
}

/** What a write of state says of the stores in it. */
export interface WrittenState {
  /** Wall time. */
  readonly writtenMs: number
  /** They hold all that their changelogs held: they have no gaps, however old they are. */
  readonly isComplete: boolean
}

export interface CheckpointsOptions {
  readonly state: StateBackend
  readonly clock: Clock
}

/** Entries of a store that one write deletes, at most. */
const wipeEntriesMax = 2000
const entryBytes = 16

export class Checkpoints {
  readonly #options: CheckpointsOptions
  /** By task, by topic. */
  readonly #offsets = new Map<string, Map<TopicName, Offset>>()
  /** By task: when its state was written last. */
  readonly #writtenMs = new Map<string, number>()
  /** By task: the topics whose stores have been complete once since they were begun. */
  readonly #complete = new Map<string, Set<TopicName>>()

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** Reads the checkpoints of these tasks from the state. */
  async load(tasks: readonly KeptTask[]): Promise<void> {
    const reads: (StateRead & { readonly task: KeptTask; readonly topic: TopicName })[] = []
    for (const task of tasks) {
      for (const { topic } of task.changelogs) {
        reads.push({ ...task.checkpoint, key: Buffer.from(topic), task, topic })
      }
    }
    const values = await this.#options.state.readMany(reads)
    for (const [index, { task, topic }] of reads.entries()) {
      const value = values[index] ?? null
      if (value === null) continue
      this.#note(task, topic, decodeCheckpoint(value))
      if (value.length <= entryBytes) this.noteComplete(task, topic)
    }
  }

  of({ plan }: KeptTask, topic: TopicName): Checkpoint | null {
    const offset = this.#offsets.get(plan.id)?.get(topic)
    if (offset === undefined) return null
    return { offset, writtenMs: this.#writtenMs.get(plan.id) ?? null }
  }

  /** The offsets of a task by changelog topic; empty where there is no state of it here. */
  offsetsOf(taskId: string): ReadonlyMap<TopicName, Offset> {
    return this.#offsets.get(taskId) ?? new Map<TopicName, Offset>()
  }

  writtenMsOf(taskId: string): number | null {
    return this.#writtenMs.get(taskId) ?? null
  }

  /** The changes that move a task's checkpoint; for the same write as the state they stand for. */
  changes(
    task: KeptTask,
    positions: ReadonlyMap<TopicName, Offset>,
    { writtenMs, isComplete }: WrittenState,
  ): StateChange[] {
    return [...positions].map(([topic, offset]) => ({
      ...task.checkpoint,
      key: Buffer.from(topic),
      value: encodeCheckpoint(offset, writtenMs, isComplete || this.isComplete(task, topic)),
    }))
  }

  /** After the write that had the changes. */
  written(
    task: KeptTask,
    positions: ReadonlyMap<TopicName, Offset>,
    { writtenMs, isComplete }: WrittenState,
  ): void {
    for (const [topic, offset] of positions) {
      this.#note(task, topic, { offset, writtenMs })
      if (isComplete) this.noteComplete(task, topic)
    }
  }

  /** True where the store has held all of its changelog once: it may be old, and lacks nothing that is older. */
  isComplete({ plan }: KeptTask, topic: TopicName): boolean {
    return this.#complete.get(plan.id)?.has(topic) === true
  }

  /** There is nothing to write: its changelog has nothing that the store lacks. */
  noteComplete({ plan }: KeptTask, topic: TopicName): void {
    const complete = this.#complete.get(plan.id)
    if (complete === undefined) this.#complete.set(plan.id, new Set([topic]))
    else complete.add(topic)
  }

  /** Deletes a store's content and its checkpoint, that first: what a crash leaves of it is wiped again. */
  async wipe(task: KeptTask, { store, topic }: StoreChangelog): Promise<void> {
    const { state } = this.#options
    const { partition } = task.plan
    this.#complete.get(task.plan.id)?.delete(topic)
    await state.write([{ ...task.checkpoint, key: Buffer.from(topic), value: null }])
    this.#offsets.get(task.plan.id)?.delete(topic)
    for (;;) {
      const entries = await state.scan({ store, partition, entriesMax: wipeEntriesMax })
      if (entries.length === 0) break
      await state.write(entries.map(({ key }) => ({ store, partition, key, value: null })))
    }
  }

  /** Deletes all that is kept of a task. */
  async wipeTask(task: KeptTask): Promise<void> {
    for (const changelog of task.changelogs) await this.wipe(task, changelog)
    this.#offsets.delete(task.plan.id)
    this.#writtenMs.delete(task.plan.id)
  }

  #note(task: KeptTask, topic: TopicName, { offset, writtenMs }: Checkpoint): void {
    const { id } = task.plan
    let offsets = this.#offsets.get(id)
    if (offsets === undefined) this.#offsets.set(id, (offsets = new Map<TopicName, Offset>()))
    offsets.set(topic, offset)
    if (writtenMs !== null) {
      this.#writtenMs.set(id, Math.max(writtenMs, this.#writtenMs.get(id) ?? -Infinity))
    }
  }
}

function encodeCheckpoint(offset: Offset, writtenMs: number, isComplete: boolean): Buffer {
  const value = Buffer.alloc(isComplete ? entryBytes : entryBytes + 1)
  value.writeBigUInt64BE(BigInt(offset))
  value.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(writtenMs))), 8)
  return value
}

function decodeCheckpoint(value: Buffer): Checkpoint {
  const offset = Number(value.readBigUInt64BE()) as Offset
  return { offset, writtenMs: value.length < entryBytes ? null : Number(value.readBigUInt64BE(8)) }
}
