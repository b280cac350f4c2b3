/**
 * How far the local state of each task reaches: for each store the offset up to which it holds its changelog, and when
 * that was known. Kept in memory too, because every join of a group asks for all of it.
 *
 *  1. A checkpoint lies in the store that it vouches for, under the empty key, which is before all others and no store's
 *     own. Whoever empties a store takes it along with the first entries, in the same write: also an earlier version,
 *     and one whose sub-topologies have other numbers.
 *  2. It names its changelog, and says nothing to whom the store has another one.
 *  3. It is written with what it stands for, and those of all stores of a task with each write of one of them: where a task
 *     is, its state is known up to then, also that of stores that have not changed.
 *
 * Layout: the version (a byte), 1 where the store, begun from scratch, has been complete once (a byte), the offset and the
 * wall time in milliseconds (eight bytes each, big-endian), the changelog's topic.
 */
import type { Offset, Partition, TopicName } from '../core/record.ts'
import type { StateBackend, StateChange, StateRead } from '../core/state.ts'
import type { KeptTask, StoreChangelog } from './kept-task.ts'

export interface Checkpoint {
  /** The store holds every record of its changelog below it. */
  readonly offset: Offset
  readonly writtenMs: number
  /** It has held all of its changelog once: it may be old, and lacks nothing that is older. */
  readonly isComplete: boolean
}

/** How far a write brings a store. */
export type Reached = Pick<Checkpoint, 'offset' | 'isComplete'>

const key = Buffer.alloc(0)
const layoutVersion = 1
const headerBytes = 18
/** Entries of a store that one write deletes, at most. */
const wipeEntriesMax = 2000

export class Checkpoints {
  readonly #state: StateBackend
  /** By task, by topic. */
  readonly #known = new Map<string, Map<TopicName, Checkpoint>>()
  /** By task: the topics whose stores have been complete once since they were begun. */
  readonly #complete = new Map<string, Set<TopicName>>()

  constructor(state: StateBackend) {
    this.#state = state
  }

  /** Reads the checkpoints of these tasks from the state. */
  async load(tasks: readonly KeptTask[]): Promise<void> {
    const stores = tasks.flatMap((task) =>
      task.changelogs.map((changelog) => ({ task, changelog })),
    )
    const values = await this.#state.readMany(
      stores.map(({ task, changelog }) => checkpointRead(changelog, task.plan.partition)),
    )
    for (const [index, { task, changelog }] of stores.entries()) {
      const checkpoint = decodeCheckpoint(values[index] ?? null, changelog)
      if (checkpoint !== null) this.#note(task, changelog.topic, checkpoint)
    }
  }

  of({ plan }: KeptTask, topic: TopicName): Checkpoint | null {
    return this.#known.get(plan.id)?.get(topic) ?? null
  }

  /** Whether there is state of the task here. */
  has(taskId: string): boolean {
    return (this.#known.get(taskId)?.size ?? 0) > 0
  }

  /** The changes that move the checkpoints of a task; for the same write as the state they stand for, behind it. */
  changes(
    task: KeptTask,
    reached: ReadonlyMap<TopicName, Reached>,
    writtenMs: number,
  ): StateChange[] {
    const { partition } = task.plan
    return this.#after(task, reached, writtenMs).map(([{ store, topic }, checkpoint]) => {
      return { store, partition, key, value: encodeCheckpoint(topic, checkpoint) }
    })
  }

  /** After the write that had the changes. */
  written(task: KeptTask, reached: ReadonlyMap<TopicName, Reached>, writtenMs: number): void {
    for (const [{ topic }, checkpoint] of this.#after(task, reached, writtenMs)) {
      this.#note(task, topic, checkpoint)
    }
  }

  #after(
    task: KeptTask,
    reached: ReadonlyMap<TopicName, Reached>,
    writtenMs: number,
  ): (readonly [StoreChangelog, Checkpoint])[] {
    return task.changelogs.flatMap((changelog) => {
      const { topic } = changelog
      const now = reached.get(topic) ?? this.of(task, topic)
      if (now === null) return []
      const isComplete = now.isComplete || this.isComplete(task, topic)
      return [[changelog, { offset: now.offset, writtenMs, isComplete }]]
    })
  }

  isComplete({ plan }: KeptTask, topic: TopicName): boolean {
    return this.#complete.get(plan.id)?.has(topic) === true
  }

  /** There is nothing to write: its changelog has nothing that the store lacks. */
  noteComplete({ plan }: KeptTask, topic: TopicName): void {
    const complete = this.#complete.get(plan.id)
    if (complete === undefined) this.#complete.set(plan.id, new Set([topic]))
    else complete.add(topic)
  }

  /** Deletes a store's content, its checkpoint among the first: what a crash leaves of it is wiped again. */
  async wipe(task: KeptTask, { store, topic }: StoreChangelog): Promise<void> {
    const { id, partition } = task.plan
    this.#complete.get(id)?.delete(topic)
    this.#known.get(id)?.delete(topic)
    for (;;) {
      const entries = await this.#state.scan({ store, partition, entriesMax: wipeEntriesMax })
      if (entries.length === 0) break
      await this.#state.write(entries.map((entry) => ({ ...entry, store, partition, value: null })))
    }
  }

  /** Deletes all that is kept of a task. */
  async wipeTask(task: KeptTask): Promise<void> {
    for (const changelog of task.changelogs) await this.wipe(task, changelog)
    this.#known.delete(task.plan.id)
  }

  #note(task: KeptTask, topic: TopicName, checkpoint: Checkpoint): void {
    const { id } = task.plan
    const known = this.#known.get(id)
    if (known === undefined) this.#known.set(id, new Map([[topic, checkpoint]]))
    else known.set(topic, checkpoint)
    if (checkpoint.isComplete) this.noteComplete(task, topic)
  }
}

/** Where the checkpoint of a store lies. */
export function checkpointRead({ store }: StoreChangelog, partition: Partition): StateRead {
  return { store, partition, key }
}

function encodeCheckpoint(topic: TopicName, { offset, writtenMs, isComplete }: Checkpoint): Buffer {
  const value = Buffer.alloc(headerBytes + Buffer.byteLength(topic))
  value.writeUInt8(layoutVersion)
  value.writeUInt8(Number(isComplete), 1)
  value.writeBigUInt64BE(BigInt(offset), 2)
  value.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(writtenMs))), 10)
  value.write(topic, headerBytes)
  return value
}

/** Null where there is none, or none that says anything of this changelog: the store has to begin anew. */
export function decodeCheckpoint(
  value: Buffer | null,
  { topic }: StoreChangelog,
): Checkpoint | null {
  if (value?.[0] !== layoutVersion || value.toString('utf8', headerBytes) !== topic) return null
  return {
    offset: Number(value.readBigUInt64BE(2)) as Offset,
    writtenMs: Number(value.readBigUInt64BE(10)),
    isComplete: value[1] === 1,
  }
}
