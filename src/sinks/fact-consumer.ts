/**
 * Fact topics into a sink: read committed facts, keep the last version of each key, write a batch, then commit its
 * offsets. Killed in between, the next start writes the batch again, which changes nothing (law 3).
 *
 * Invariants:
 *  1. Offsets are committed after their rows are queryable, in order.
 *  2. At most two batches are held, the one being written and the one being filled; each ends at `rowsMax` rows or
 *     `bytesMax` bytes. Of one fetch, at most `fetchBytesMax` bytes wait beside them.
 *  3. A sink that is unavailable, or a disk without room for offsets, pauses the consumer; nothing is skipped. Any
 *     other failure ends it.
 *  4. A batch that is given up (stop, revocation, failure) takes with it whatever was read after it.
 *  5. An offset holds for the table it was committed for, whose identity is kept beside it: a table that was lost and
 *     made anew is filled from the start of its topic.
 */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { pause } from '../core/clock.ts'
import { TidemarkError, type ErrorCode } from '../core/errors.ts'
import { offset, topicPartitionId } from '../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { FetchedPartition, GroupMember, Log, PartitionOffset } from '../log/log.ts'
import { FactBuffer } from './fact-buffer.ts'
import { factRows } from './fact-rows.ts'
import type { FactSource } from './fact-rows.ts'
import type { Sink, TableRows } from './sink.ts'
import { startOffsets } from './start-offsets.ts'

export interface FactConsumerOptions {
  /** Of the instance; the group is `<name>-clickhouse`. */
  readonly name: string
  readonly log: Log
  readonly sink: Sink
  readonly clock: Clock
  readonly facts: readonly FactSource[]
  /** The high bits of every version: grows when the fact topics start anew at offset 0. */
  readonly epoch: number
  readonly rowsMax?: number
  readonly bytesMax?: number
  /** How long the first fact of a batch waits for others. */
  readonly ageMaxMs?: number
  readonly fetchBytesMax?: number
  /** How long a fetch waits where there is nothing to read. */
  readonly idleWaitMs?: number
  /** Facts that may wait in the log before `backPressure` says so. */
  readonly lagMax?: number
  /** Called once, when the consumer has ended by itself. */
  readonly onFailure?: (error: unknown) => void
}

export interface FactConsumerStatus {
  readonly state: 'stopped' | 'running' | 'paused' | 'failed'
  /** Why it is paused or failed. */
  readonly reason: string | null
  /** Facts not yet queryable, by `database.table`. */
  readonly lag: Readonly<Record<string, number>>
  readonly lagTotal: number
  readonly rowsWritten: number
  readonly lastWriteMs: number | null
}

interface Position {
  readonly at: TopicPartition
  /** Where the next fetch goes on. */
  next: Offset
  /** Up to here rows are queryable and committed. */
  written: Offset
  lastStable: Offset
}

const backPressureRetryMs = 500
/** Pass without a person's doing, or with a person's room on the disk. */
const passingCodes: ReadonlySet<ErrorCode> = new Set(['SINK_UNAVAILABLE', 'DISK_FULL'])

export class FactConsumer {
  readonly #options: Required<Omit<FactConsumerOptions, 'onFailure'>>
  readonly #onFailure: (error: unknown) => void
  readonly #sources = new Map<string, FactSource>()
  readonly #positions = new Map<string, Position>()
  readonly #stopping = new AbortController()
  /** Of each topic's table (invariant 5). */
  readonly #identities = new Map<string, string>()
  #member: GroupMember | null = null
  #buffer = new FactBuffer()
  /** What was fetched and has no room in the batch yet. */
  #tail: { fetched: FetchedPartition; index: number }[] = []
  #writing: Promise<void> | null = null
  /** Aborted when the batches held now are to be given up. */
  #holding = new AbortController()
  #failure: { readonly thrown: unknown } | null = null
  #loop: Promise<void> | null = null
  #state: FactConsumerStatus['state'] = 'stopped'
  #reason: string | null = null
  #rowsWritten = 0
  #lastWriteMs: number | null = null
  #progress: (() => void)[] = []

  constructor(options: FactConsumerOptions) {
    this.#options = {
      rowsMax: 50_000,
      bytesMax: 16 * 1024 * 1024,
      ageMaxMs: 200,
      fetchBytesMax: 4 * 1024 * 1024,
      idleWaitMs: 500,
      lagMax: 500_000,
      ...options,
    }
    this.#onFailure = options.onFailure ?? (() => {})
    for (const source of options.facts) this.#sources.set(source.fact.topic.name, source)
  }

  /** Resolves when the tables exist and the partitions are known; reading goes on until `stop`.
   * @throws what `sink.setup`, `sink.identityOf` and `log.joinGroup` throw */
  async start(): Promise<void> {
    const { log, sink, name, facts } = this.#options
    await sink.setup()
    for (const { fact } of facts) {
      this.#identities.set(fact.topic.name, await sink.identityOf(fact))
    }
    this.#member = await log.joinGroup({
      groupId: `${name}-clickhouse`,
      topics: facts.map(({ fact }) => fact.topic.name),
      userData: () => Buffer.alloc(0),
      onAssigned: (partitions) => this.#assign(partitions),
      onRevoked: (partitions) => this.#revoke(partitions),
    })
    this.#state = 'running'
    this.#loop = this.#run().catch((thrown: unknown) => {
      this.#state = 'failed'
      this.#reason = thrown instanceof Error ? thrown.message : String(thrown)
      this.#notify()
      this.#onFailure(thrown)
    })
  }

  /** Writes what is held, commits it and leaves the group. While the sink is unavailable, what is held is left to
   * the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#state === 'paused') this.#holding.abort()
    await this.#loop
    await this.#member?.leave()
    this.#member = null
    if (this.#state !== 'failed') this.#state = 'stopped'
    this.#notify()
  }

  status(): FactConsumerStatus {
    const lag: Record<string, number> = {}
    let lagTotal = 0
    for (const [topic, { fact }] of this.#sources) {
      let waiting = 0
      for (const position of this.#positions.values()) {
        if (position.at.topic === topic) waiting += lagOf(position)
      }
      lag[`${fact.database}.${fact.table}`] = waiting
      lagTotal += waiting
    }
    return {
      state: this.#state,
      reason: this.#reason,
      lag,
      lagTotal,
      rowsWritten: this.#rowsWritten,
      lastWriteMs: this.#lastWriteMs,
    }
  }

  /** Not null while facts wait longer than the sink can follow: producers hold back this long and ask again. */
  backPressure(): { readonly retryAfterMs: number } | null {
    let lag = 0
    for (const position of this.#positions.values()) lag += lagOf(position)
    return lag > this.#options.lagMax ? { retryAfterMs: backPressureRetryMs } : null
  }

  /** Resolves when every fact that is committed now is queryable.
   * @throws TidemarkError SINK_UNAVAILABLE where the consumer ended before that */
  async drain(): Promise<void> {
    const targets = await this.#lastStableOffsets()
    const reached = () =>
      targets.every(
        ({ topic, partition, offset }) =>
          (this.#positions.get(topicPartitionId({ topic, partition }))?.written ?? 0) >= offset,
      )
    while (!reached()) {
      if (this.#state === 'failed' || this.#state === 'stopped') {
        throw new TidemarkError(
          'SINK_UNAVAILABLE',
          `the fact consumer is ${this.#state}${this.#reason === null ? '' : `: ${this.#reason}`}`,
          { details: { retryAfterMs: backPressureRetryMs } },
        )
      }
      await new Promise<void>((resolve) => this.#progress.push(resolve))
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    const { log, name } = this.#options
    const identityOf = (topic: TopicName) => this.#identityOf(topic)
    const starts = await startOffsets(log, `${name}-clickhouse`, partitions, identityOf)
    partitions.forEach((at, index) => {
      const next = present(starts[index], 'start offset')
      const position = { at, next, written: next, lastStable: next }
      this.#positions.set(topicPartitionId(at), position)
    })
  }

  #identityOf(topic: TopicName): string {
    return present(this.#identities.get(topic), `identity of the table of ${topic}`)
  }

  /** Another member writes these from now on; its rows and ours carry the same versions. */
  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    this.#holding.abort()
    await this.#writing
    this.#holding = new AbortController()
    for (const at of partitions) this.#positions.delete(topicPartitionId(at))
    this.#buffer = new FactBuffer()
    this.#tail = []
    for (const position of this.#positions.values()) position.next = position.written
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#tail.length === 0) await this.#fetch()
      this.#fill()
      if (this.#isFull() || this.#isOld()) await this.#flush()
      if (this.#failure !== null) throw this.#failure.thrown
    }
    await this.#flush()
    await this.#writing
    if (this.#failure !== null) throw this.#failure.thrown
  }

  async #fetch(): Promise<void> {
    const { log, fetchBytesMax } = this.#options
    const partitions = [...this.#positions.values()].map(({ at, next }) => ({
      ...at,
      offset: next,
    }))
    if (partitions.length === 0) {
      await pause(this.#options.clock, this.#options.idleWaitMs, this.#stopping.signal)
      return
    }
    const fetched = await log.fetch({
      partitions,
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: this.#waitMs(),
      isolation: 'read_committed',
      signal: this.#stopping.signal,
    })
    const asked = new Map(partitions.map((at) => [topicPartitionId(at), at.offset]))
    for (const partition of fetched) {
      const position = this.#positions.get(topicPartitionId(partition))
      // Revoked, or set back, while the fetch was under way.
      if (position === undefined || position.next !== asked.get(topicPartitionId(partition)))
        continue
      position.lastStable = partition.lastStableOffset
      if (partition.nextOffset === position.next) continue
      position.next = partition.nextOffset
      this.#tail.push({ fetched: partition, index: 0 })
    }
  }

  #waitMs(): number {
    const { clock, ageMaxMs, idleWaitMs } = this.#options
    const { firstMs } = this.#buffer
    if (firstMs === null) return idleWaitMs
    return Math.max(0, Math.min(idleWaitMs, firstMs + ageMaxMs - clock.monotonicMs()))
  }

  /** Moves fetched records into the batch while it has room. */
  #fill(): void {
    const nowMs = this.#options.clock.monotonicMs()
    while (this.#tail.length > 0) {
      const part = present(this.#tail[0], 'first part')
      const { records } = part.fetched
      while (part.index < records.length) {
        if (this.#isFull()) return
        const record = present(records[part.index], 'record')
        part.index++
        this.#buffer.add(part.fetched, record, nowMs)
        this.#buffer.advance(part.fetched, offset(record.offset + 1))
      }
      this.#buffer.advance(part.fetched, part.fetched.nextOffset)
      this.#tail.shift()
    }
  }

  #isFull(): boolean {
    return (
      this.#buffer.rows >= this.#options.rowsMax || this.#buffer.bytes >= this.#options.bytesMax
    )
  }

  /** A batch waits for others while the one before it is being written, or for `ageMaxMs`. */
  #isOld(): boolean {
    if (this.#buffer.isEmpty) return false
    const { firstMs } = this.#buffer
    const { clock, ageMaxMs } = this.#options
    return firstMs === null || clock.monotonicMs() - firstMs >= ageMaxMs
  }

  /** Hands the batch over and goes on reading while it is written (invariant 2). */
  async #flush(): Promise<void> {
    await this.#writing
    const batch = this.#buffer
    const { signal } = this.#holding
    if (batch.isEmpty || signal.aborted || this.#failure !== null) return
    this.#buffer = new FactBuffer()
    this.#writing = this.#write(batch, signal).catch((thrown: unknown) => {
      this.#failure = { thrown }
    })
  }

  /** 1 decode what is left of the batch; 2 write it; 3 commit its offsets. */
  async #write(batch: FactBuffer, signal: AbortSignal): Promise<void> {
    const tables: TableRows[] = []
    for (const [topic, facts] of batch.topics()) {
      const source = present(this.#sources.get(topic), `fact table of ${topic}`)
      tables.push(await factRows(source, facts, this.#options.epoch))
    }
    const { sink, log } = this.#options
    if (tables.length > 0 && !(await this.#whenPossible(() => sink.write(tables), signal))) return
    const member = present(this.#member, 'group member')
    const offsets = batch.offsets().map((at) => ({
      ...at,
      metadata: this.#identityOf(at.topic),
    }))
    const commit = () => log.commitOffsets(member.metadata, offsets)
    if (!(await this.#whenPossible(commit, signal))) return
    for (const at of offsets) {
      const position = this.#positions.get(topicPartitionId(at))
      if (position !== undefined) position.written = at.offset
    }
    this.#rowsWritten += batch.rows
    if (batch.rows > 0) this.#lastWriteMs = this.#options.clock.nowMs()
    this.#notify()
  }

  /** Invariant 3. False where the batch was given up before the sink, or room on the disk, came back. */
  async #whenPossible(step: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const isGivenUp = () => signal.aborted
    for (;;) {
      try {
        await step()
        if (this.#state === 'paused') this.#state = 'running'
        this.#reason = null
        return true
      } catch (thrown) {
        if (!(thrown instanceof TidemarkError) || !passingCodes.has(thrown.code)) throw thrown
        this.#state = 'paused'
        this.#reason = thrown.message
        if (this.#stopping.signal.aborted) this.#holding.abort()
        if (isGivenUp()) return false
        await this.#refreshLag()
        const { retryAfterMs } = thrown.details
        const delayMs = typeof retryAfterMs === 'number' ? retryAfterMs : backPressureRetryMs
        await pause(this.#options.clock, delayMs, signal)
        if (isGivenUp()) return false
      }
    }
  }

  /** While the sink is away nothing is fetched, and the lag must be seen to grow. */
  async #refreshLag(): Promise<void> {
    for (const { topic, partition, offset } of await this.#lastStableOffsets()) {
      const position = this.#positions.get(topicPartitionId({ topic, partition }))
      if (position !== undefined) position.lastStable = offset
    }
  }

  async #lastStableOffsets(): Promise<readonly PartitionOffset[]> {
    const topics = this.#options.facts.map(({ fact }) => fact.topic.name)
    const described = await this.#options.log.describeTopics(topics)
    return described.flatMap(({ name, partitions }) =>
      partitions
        .map(({ partition, lastStableOffset }) => ({
          topic: name,
          partition,
          offset: lastStableOffset,
        }))
        .filter((at) => this.#positions.has(topicPartitionId(at))),
    )
  }

  #notify(): void {
    const waiting = this.#progress
    this.#progress = []
    for (const wake of waiting) wake()
  }
}

function lagOf(position: Position): number {
  return Math.max(0, position.lastStable - position.written)
}
