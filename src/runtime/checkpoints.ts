/**
 * How far the local state of each task reaches: for each store the offset up to which it holds its changelog, and when
 * that was known. Kept in memory too, because every join of a group asks for all of it.
 *
 *  1. A checkpoint lies in the store that it vouches for, under the empty key, which is before all others and no store's
 *     own. Whoever empties a store takes it along with the first entries, in the same write: also an earlier version,
 *     and one whose sub-topologies have other numbers.
 *  2. It names its changelog, and says nothing to whom the store has another one. It has the topic's id, too: a topic that
 *     was deleted and made anew has another one (`openCursors` compares them).
 *  3. It is written with what it stands for, and those of all stores of a task with each write of one of them: where a task
 *     is, its state is known up to then, also that of stores that have not changed.
 *
 * Layout: the version (a byte), 1 where the store, begun from scratch, has been complete once (a byte), the offset and the
 * wall time in milliseconds (eight bytes each, big-endian), how many bytes the topic's id has (a byte; 0 where it is not
 * known), the id, the changelog's topic. Version 1, which is read still, has neither an id nor its length.
 */
import type { Offset, Partition, StoreName, TopicName } from '../core/record.ts'
import type { StateBackend, StateChange, StateRead } from '../core/state.ts'
import type { KeptTask, StoreChangelog } from './kept-task.ts'

export interface Checkpoint {
  /** The store holds every record of its changelog below it. */
  readonly offset: Offset
  readonly writtenMs: number
  /** It has held all of its changelog once: it may be old, and lacks nothing that is older. */
  readonly isComplete: boolean
  /** Of the topic that it was read from, as `LogAdmin.topicIds` has it. Null where the log has none, and where an earlier
   * version wrote it. */
  readonly topicId: string | null
}

/** How far a write brings a store. */
export type Reached = Pick<Checkpoint, 'offset' | 'isComplete'>

const key = Buffer.alloc(0)
const layoutVersion = 2
const layoutVersionWithoutId = 1
const headerBytes = 18
/** Entries of a store that one write deletes, at most. */
const wipeEntriesMax = 2000

export class Checkpoints {
  readonly #state: StateBackend
  /** By task, by topic. */
  readonly #known = new Map<string, Map<TopicName, Checkpoint>>()
  /** By task: the topics whose stores have been complete once since they were begun. */
  readonly #complete = new Map<string, Set<TopicName>>()
  /** By task, by topic: which one it was when its reading began here. */
  readonly #topicIds = new Map<string, Map<TopicName, string>>()

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
      const topicId = this.topicIdOf(task, topic)
      return [[changelog, { offset: now.offset, writtenMs, isComplete, topicId }]]
    })
  }

  /** Of the topic that the store is of; null where that is not known. */
  topicIdOf(task: KeptTask, topic: TopicName): string | null {
    const { id } = task.plan
    return this.#topicIds.get(id)?.get(topic) ?? this.of(task, topic)?.topicId ?? null
  }

  /** The store is of this topic from now on: empty, or compared with it. The next write of the task has the id. */
  noteTopicId({ plan }: KeptTask, topic: TopicName, topicId: string): void {
    const ids = this.#topicIds.get(plan.id)
    if (ids === undefined) this.#topicIds.set(plan.id, new Map([[topic, topicId]]))
    else ids.set(topic, topicId)
  }

  isComplete({ plan }: KeptTask, topic: TopicName): boolean {
    return this.#complete.get(plan.id)?.has(topic) === true
  }

  /** The stores that have never had all of their changelogs since they were begun. */
  incompleteOf(task: KeptTask): StoreName[] {
    return task.changelogs
      .filter(({ topic }) => !this.isComplete(task, topic))
      .map(({ store }) => store)
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
    this.#topicIds.get(id)?.delete(topic)
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

function encodeCheckpoint(
  topic: TopicName,
  { offset, writtenMs, isComplete, topicId }: Checkpoint,
): Buffer {
  const header = Buffer.alloc(headerBytes + 1)
  const id = Buffer.from(topicId ?? '')
  header.writeUInt8(layoutVersion)
  header.writeUInt8(Number(isComplete), 1)
  header.writeBigUInt64BE(BigInt(offset), 2)
  header.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(writtenMs))), 10)
  header.writeUInt8(id.length, headerBytes)
  return Buffer.concat([header, id, Buffer.from(topic)])
}

/** Null where there is none, or none that says anything of this changelog: the store has to begin anew. */
export function decodeCheckpoint(
  value: Buffer | null,
  { topic }: StoreChangelog,
): Checkpoint | null {
  const names = value === null ? null : decodeNames(value)
  if (value === null || names?.topic !== topic) return null
  return {
    offset: Number(value.readBigUInt64BE(2)) as Offset,
    writtenMs: Number(value.readBigUInt64BE(10)),
    isComplete: value[1] === 1,
    topicId: names.topicId === '' ? null : names.topicId,
  }
}

/** Null where a version wrote it that is not known here. */
function decodeNames(value: Buffer): { readonly topicId: string; readonly topic: string } | null {
  const [version] = value
  if (version === layoutVersionWithoutId) {
    return { topicId: '', topic: value.toString('utf8', headerBytes) }
  }
  if (version !== layoutVersion) return null
  const idEnd = headerBytes + 1 + value.readUInt8(headerBytes)
  return {
    topicId: value.toString('utf8', headerBytes + 1, idEnd),
    topic: value.toString('utf8', idEnd),
  }
}
