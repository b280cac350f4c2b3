/**
 * Fact topics into a sink: read committed facts, keep the last version of each key, write a batch, then commit its
 * offsets. Killed in between, the next start writes the batch again, which changes nothing (law 3).
 *
 * Invariants:
 *  1. Offsets are committed after their rows are queryable, in order.
 *  2. At most two batches are held, the one being written and the one being filled; each ends at `rowsMax` rows or
 *     `bytesMax` bytes. Of one fetch, at most `fetchBytesMax` bytes wait beside them.
 *  3. A sink that is unavailable, a log that cannot be reached, or a disk without room for offsets pauses the consumer;
 *     nothing is skipped. Meanwhile the next batch is filled, so that fewer and larger ones follow. Any other failure
 *     ends it.
 *  4. A batch that is given up (stop, revocation, failure) takes with it whatever was read after it.
 *  5. An offset holds for the table it was committed for, whose identity is kept beside it: a table that was lost and
 *     made anew is filled from the start of its topic. One that takes the place of another while the consumer runs is
 *     noticed within `tableCheckMs`, and gets what it lacks; what was written before that counts for the old one.
 *  6. Of the members of a group each writes its own partitions. Offsets that the group refuses, because it shares its
 *     partitions out anew, are offered again until they are taken or the partitions are another's; rows that two
 *     members write are the same rows.
 */
import { present } from '../core/assert.ts'
import { pause } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { offset, topicPartitionId } from '../core/record.ts'
import type { TopicPartition } from '../core/record.ts'
import type { FetchedPartition, FetchRequest, GroupMember } from '../log/log.ts'
import { BatchHold } from './batch-hold.ts'
import { BatchPace } from './batch-pace.ts'
import { embeddedBatches } from './fact-batches.ts'
import type { FactConsumerOptions, FactConsumerStatus } from './fact-consumer-options.ts'
import { FactBuffer } from './fact-buffer.ts'
import { FactPositions } from './fact-positions.ts'
import { FactTables } from './fact-tables.ts'
import { epochOf, factRows } from './fact-rows.ts'
import type { FactSource } from './fact-rows.ts'
import type { TableRows } from './sink.ts'
import { passes } from './passing.ts'
import { Progress } from './progress.ts'
import { sinkGroup } from './sink-group.ts'
import { WrittenFacts } from './written-facts.ts'

export type { FactConsumerOptions, FactConsumerStatus } from './fact-consumer-options.ts'

const backPressureRetryMs = 500

type Settings = Required<Omit<FactConsumerOptions, 'onFailure' | 'groupInstanceId'>>

export class FactConsumer {
  readonly #options: Settings
  readonly #groupInstanceId: string | undefined
  readonly #onFailure: (error: unknown) => void
  readonly #sources = new Map<string, FactSource>()
  readonly #positions = new FactPositions()
  /** Invariant 5. */
  readonly #tables: FactTables
  readonly #written: WrittenFacts
  readonly #pace: BatchPace
  readonly #stopping = new AbortController()
  #member: GroupMember | null = null
  #buffer = new FactBuffer()
  /** What was fetched and has no room in the batch yet. */
  #tail: { fetched: FetchedPartition; index: number }[] = []
  #writing: Promise<void> | null = null
  #hold: BatchHold
  #failure: { readonly thrown: unknown } | null = null
  #loop: Promise<void> | null = null
  #state: FactConsumerStatus['state'] = 'stopped'
  #reason: string | null = null
  #isLogAway = false
  #rowsWritten = 0
  #lastWriteMs: number | null = null
  readonly #progress: Progress

  constructor(options: FactConsumerOptions) {
    const defaults = { idleWaitMs: 500, lagMax: 500_000, stopGraceMs: 1_000, tableCheckMs: 5_000 }
    this.#options = { ...embeddedBatches, ...defaults, ...options }
    this.#hold = this.#newHold()
    this.#groupInstanceId = options.groupInstanceId
    this.#progress = new Progress(options.clock, this.#options.idleWaitMs)
    this.#pace = new BatchPace(this.#options, options.clock)
    this.#onFailure = options.onFailure ?? (() => {})
    for (const source of options.facts) this.#sources.set(source.fact.topic.name, source)
    this.#tables = new FactTables({ ...this.#options, groupId: this.groupId })
    this.#written = new WrittenFacts({
      log: options.log,
      topics: options.facts.map(({ fact }) => fact.topic.name),
      positions: this.#positions,
      tables: this.#tables,
    })
  }

  get groupId(): string {
    return sinkGroup(this.#options.name)
  }

  /** Resolves when the tables exist and the partitions are known; reading goes on until `stop`.
   * @throws what `sink.setup`, `sink.identitiesOf` and `log.joinGroup` throw */
  async start(): Promise<void> {
    const { log, sink, facts } = this.#options
    await sink.setup()
    await this.#tables.load()
    this.#member = await log.joinGroup({
      groupId: this.groupId,
      topics: facts.map(({ fact }) => fact.topic.name),
      userData: () => Buffer.alloc(0),
      onAssigned: (partitions) => this.#assign(partitions),
      onRevoked: (partitions) => this.#revoke(partitions),
      onLost: (partitions) => this.#revoke(partitions),
      onFailure: (thrown) => {
        this.#failure ??= { thrown }
        this.#hold.giveUp()
      },
      ...(this.#groupInstanceId === undefined ? {} : { groupInstanceId: this.#groupInstanceId }),
    })
    this.#state = 'running'
    this.#loop = this.#run().catch((thrown: unknown) => {
      this.#state = 'failed'
      this.#reason = thrown instanceof Error ? thrown.message : String(thrown)
      this.#progress.made()
      this.#onFailure(thrown)
    })
  }

  /** Writes what is held, commits it and leaves the group. While the sink is unavailable, or hangs for longer than
   * `stopGraceMs`, what is held is left to the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#state === 'paused') this.#hold.giveUp()
    await this.#hold.untilDone(this.#loop)
    await this.#member?.leave()
    this.#member = null
    if (this.#state !== 'failed') this.#state = 'stopped'
    this.#progress.made()
  }

  status(): FactConsumerStatus {
    const lag: Record<string, number> = {}
    for (const [topic, { fact }] of this.#sources) {
      lag[`${fact.database}.${fact.table}`] = this.#positions.lag(topic)
    }
    return {
      state: this.#state === 'running' && this.#isLogAway ? 'paused' : this.#state,
      reason: this.#reason,
      lag,
      lagTotal: this.#positions.lag(),
      skips: this.#positions.skips.all(),
      skipped: this.#positions.skips.offsets,
      rowsWritten: this.#rowsWritten,
      lastWriteMs: this.#lastWriteMs,
    }
  }

  /** Not null while facts wait longer than the sink can follow: producers hold back this long and ask again. */
  backPressure(): { readonly retryAfterMs: number } | null {
    return this.#positions.lag() > this.#options.lagMax
      ? { retryAfterMs: backPressureRetryMs }
      : null
  }

  /** Resolves when every fact that is committed now is queryable, those of other members too.
   * @throws TidemarkError SINK_UNAVAILABLE where the consumer ended before that */
  async drain(): Promise<void> {
    const ends = await this.#written.ends()
    while (!(await this.#written.reach(ends, this.#stopping.signal))) {
      if (this.#state === 'failed' || this.#state === 'stopped') {
        throw new TidemarkError(
          'SINK_UNAVAILABLE',
          `the fact consumer is ${this.#state}${this.#reason === null ? '' : `: ${this.#reason}`}`,
          { details: { retryAfterMs: backPressureRetryMs } },
        )
      }
      await this.#progress.next()
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    for (;;) {
      const { version } = this.#tables
      const starts = await this.#tables.startsOnceKnown(partitions, this.#stopping.signal)
      if (starts === null) return
      // Of tables that are others by now.
      if (version !== this.#tables.version) continue
      partitions.forEach((at, index) => {
        this.#positions.add(at, present(starts[index], 'start offset'))
      })
      return
    }
  }

  /** Another member writes these from now on; its rows and ours carry the same versions. */
  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#giveUpBatches()
    for (const at of partitions) this.#positions.delete(at)
  }

  /** Other tables than before are read for from where they are filled (invariant 5). */
  async #followTables(): Promise<void> {
    const changed = await this.#tables.changed(this.#stopping.signal)
    if (changed.size === 0) return
    await this.#giveUpBatches()
    const partitions = this.#positions.all().flatMap(({ at }) => (changed.has(at.topic) ? at : []))
    const starts = await this.#tables.startsOnceKnown(partitions, this.#stopping.signal)
    if (starts === null) return
    for (const [index, at] of partitions.entries()) {
      // Revoked meanwhile.
      if (this.#positions.get(at) === undefined) continue
      this.#positions.add(at, present(starts[index], 'start offset'))
    }
    this.#tables.settled()
  }

  async #giveUpBatches(): Promise<void> {
    this.#hold.giveUp()
    await this.#hold.untilDone(this.#writing)
    this.#hold = this.#newHold()
    // What it waited for was given up; whether the next batch has to wait, that batch will see.
    if (this.#state === 'paused') this.#state = 'running'
    this.#buffer = new FactBuffer()
    this.#tail = []
    this.#positions.setBack()
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#tables.isDue()) await this.#followTables()
      if (this.#tail.length === 0) await this.#fetch()
      this.#fill()
      if (this.#isDue()) await this.#flush()
      if (this.#failure !== null) throw this.#failure.thrown
    }
    await this.#flush()
    await this.#writing
    if (this.#failure !== null) throw this.#failure.thrown
  }

  async #fetch(): Promise<void> {
    const { fetchBytesMax } = this.#options
    const partitions = this.#positions.all().map(({ at, next }) => ({
      ...at,
      offset: next,
    }))
    if (partitions.length === 0) {
      await pause(this.#options.clock, this.#options.idleWaitMs, this.#stopping.signal)
      return
    }
    const fetched = await this.#tryFetch({
      partitions,
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: this.#waitMs(),
      isolation: 'read_committed',
      signal: this.#stopping.signal,
    })
    const asked = new Map(partitions.map((at) => [topicPartitionId(at), at.offset]))
    for (const partition of fetched) {
      const position = this.#positions.get(partition)
      // Revoked, or set back, while the fetch was under way.
      if (position === undefined || position.next !== asked.get(topicPartitionId(partition)))
        continue
      position.lastStable = partition.lastStableOffset
      if (partition.nextOffset === position.next) continue
      position.next = partition.nextOffset
      this.#tail.push({ fetched: partition, index: 0 })
    }
  }

  /** Nothing, after a pause, where the log cannot be reached now. */
  async #tryFetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { log, clock } = this.#options
    try {
      const fetched = await this.#positions.fetchOrPass(log, request, (at, to) => {
        this.#buffer.advance(at, to)
      })
      this.#isLogAway = false
      return fetched
    } catch (thrown) {
      if (!passes(thrown)) throw thrown
      this.#isLogAway = true
      this.#reason = thrown.message
      await pause(clock, backPressureRetryMs, this.#stopping.signal)
      return []
    }
  }

  #waitMs(): number {
    const { idleWaitMs } = this.#options
    if (this.#buffer.firstMs === null || this.#state === 'paused') return idleWaitMs
    return Math.min(idleWaitMs, this.#pace.waitMs(this.#buffer))
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
    return this.#pace.isFull(this.#buffer)
  }

  /** While a sink is away, the next batch waits with it. */
  #isDue(): boolean {
    if (this.#isFull()) return true
    if (this.#state === 'paused') return false
    if (this.#pace.isOld(this.#buffer)) return true
    return this.#writing === null && this.#pace.isEnough(this.#buffer)
  }

  /** Hands the batch over and goes on reading while it is written (invariant 2). */
  async #flush(): Promise<void> {
    await this.#writing
    const batch = this.#buffer
    const hold = this.#hold
    if (batch.isEmpty || hold.givenUp.aborted || this.#failure !== null) return
    this.#buffer = new FactBuffer()
    const writing = this.#write(batch, hold)
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown }
      })
      .then(() => {
        if (this.#writing === writing) this.#writing = null
      })
    this.#writing = writing
  }

  /** 1 decode what is left of the batch; 2 write it; 3 commit its offsets. */
  async #write(batch: FactBuffer, hold: BatchHold): Promise<void> {
    const tables: TableRows[] = []
    for (const [topic, facts] of batch.topics()) {
      const source = present(this.#sources.get(topic), `fact table of ${topic}`)
      tables.push(
        await factRows(source, facts, epochOf(this.#options.epoch, source.fact.topic.name)),
      )
    }
    const { sink, log } = this.#options
    // As they are known before the write: a table that takes their place meanwhile may not have these rows.
    const offsets = batch.offsets().map((at) => ({
      ...at,
      metadata: this.#tables.identityOf(at.topic),
    }))
    const write = () => sink.write(tables, hold.cut)
    if (tables.length > 0 && !(await this.#whenPossible(write, hold))) return
    const member = present(this.#member, 'group member')
    const commit = () => log.commitOffsets(member.metadata, offsets)
    if (!(await this.#whenPossible(commit, hold))) return
    for (const at of offsets) {
      if (at.metadata !== this.#tables.identityOf(at.topic)) continue
      this.#positions.committed(at, at.offset, this.#options.clock.nowMs())
    }
    this.#pace.succeeded()
    this.#rowsWritten += batch.rows
    if (batch.rows > 0) this.#lastWriteMs = this.#options.clock.nowMs()
    this.#progress.made()
  }

  /** Invariant 3. False where the batch was given up before the sink, or room on the disk, came back. */
  async #whenPossible(step: () => Promise<void>, hold: BatchHold): Promise<boolean> {
    const isGivenUp = () => hold.givenUp.aborted
    for (;;) {
      try {
        await step()
        if (this.#state === 'paused') this.#state = 'running'
        this.#reason = null
        return true
      } catch (thrown) {
        if (!passes(thrown)) throw thrown
        this.#state = 'paused'
        this.#reason = thrown.message
        if (this.#stopping.signal.aborted) hold.giveUp()
        if (isGivenUp()) return false
        await this.#written.refreshLag()
        const { retryAfterMs, tooManyParts } = thrown.details
        if (tooManyParts === true) this.#pace.slowDown()
        const delayMs = typeof retryAfterMs === 'number' ? retryAfterMs : backPressureRetryMs
        await pause(this.#options.clock, delayMs, hold.givenUp)
        if (isGivenUp()) return false
      }
    }
  }

  /** A stop waits for the hold that it found; nothing is written under one that comes after. */
  #newHold(): BatchHold {
    const hold = new BatchHold(this.#options.clock, this.#options.stopGraceMs)
    if (this.#stopping.signal.aborted) hold.giveUp()
    return hold
  }
}
