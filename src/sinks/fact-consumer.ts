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
 *     noticed within `tableCheckMs`, and gets what it lacks; what was written before that counts for the old one. One that
 *     is gone, as a look or a write finds, is made anew and filled likewise; meanwhile the consumer counts as paused.
 *  6. Of the members of a group each writes its own partitions. Offsets that the group refuses, because it shares its
 *     partitions out anew, are offered again until they are taken or the partitions are another's; rows that two
 *     members write are the same rows.
 */
import { present } from '../core/assert.ts'
import { pause } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { offset, type Offset, type TopicName, type TopicPartition } from '../core/record.ts'
import type { FetchedPartition, GroupMember } from '../log/log.ts'
import { BatchHold } from './batch-hold.ts'
import { BatchPace } from './batch-pace.ts'
import { embeddedBatches } from './fact-batches.ts'
import type { FactConsumerOptions, FactConsumerStatus } from './fact-consumer-options.ts'
import { FactBuffer } from './fact-buffer.ts'
import { FactFetch } from './fact-fetch.ts'
import { FactPositions } from './fact-positions.ts'
import { FactTables } from './fact-tables.ts'
import { isTableLost } from './lost-table.ts'
import { LostTables } from './lost-tables.ts'
import { batchRows, type FactSource } from './fact-rows.ts'
import { onceKnown, passes } from './passing.ts'
import { Progress } from './progress.ts'
import { sinkGroup } from './sink-group.ts'
import { WrittenFacts } from './written-facts.ts'

export type { FactConsumerOptions, FactConsumerStatus } from './fact-consumer-options.ts'

const backPressureRetryMs = 500

type Optional = 'onFailure' | 'groupInstanceId' | 'makeAnew' | 'tell'
type Settings = Required<Omit<FactConsumerOptions, Optional>>

export class FactConsumer {
  readonly #options: Settings
  readonly #groupInstanceId: string | undefined
  readonly #onFailure: (error: unknown) => void
  readonly #sources = new Map<string, FactSource>()
  readonly #positions: FactPositions
  /** Invariant 5. */
  readonly #tables: FactTables
  readonly #lost: LostTables
  readonly #source: FactFetch
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
  #rowsWritten = 0
  #lastWriteMs: number | null = null
  readonly #progress: Progress

  constructor(options: FactConsumerOptions) {
    const defaults = { idleWaitMs: 500, lagMax: 500_000, stopGraceMs: 1_000, tableCheckMs: 5_000 }
    this.#options = { ...embeddedBatches, ...defaults, ...options }
    this.#positions = new FactPositions(options.log)
    this.#hold = this.#newHold()
    this.#groupInstanceId = options.groupInstanceId
    this.#progress = new Progress(options.clock, this.#options.idleWaitMs)
    this.#pace = new BatchPace(this.#options, options.clock)
    this.#onFailure = options.onFailure ?? (() => {})
    for (const source of options.facts) this.#sources.set(source.fact.topic.name, source)
    this.#tables = new FactTables({ ...this.#options, groupId: this.groupId })
    const onPassed = (at: TopicPartition, to: Offset) => {
      this.#buffer.advance(at, to)
    }
    this.#source = new FactFetch({ ...this.#options, positions: this.#positions, onPassed })
    this.#written = new WrittenFacts({
      ...{ log: options.log, positions: this.#positions, tables: this.#tables },
      topics: options.facts.map(({ fact }) => fact.topic.name),
    })
    this.#lost = new LostTables({
      makeAnew: () => options.sink.setup(),
      ...options,
      positions: this.#positions,
      written: this.#written,
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
    const trouble = this.#state === 'running' ? (this.#source.outage ?? this.#lost.reason) : null
    return {
      state: trouble === null ? this.#state : 'paused',
      reason: trouble ?? this.#reason,
      lag,
      lagTotal: this.#positions.lag(),
      skips: this.#positions.skips.all(),
      skipped: this.#positions.skips.offsets,
      rowsWritten: this.#rowsWritten,
      tablesMadeAnew: this.#lost.madeAnew,
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
  async drain(signal?: AbortSignal): Promise<void> {
    const ends = await this.#written.ends()
    while (!(await this.#written.reach(ends, this.#stopping.signal))) {
      if (this.#state === 'failed' || this.#state === 'stopped') {
        throw new TidemarkError(
          'SINK_UNAVAILABLE',
          `the fact consumer is ${this.#state}${this.#reason === null ? '' : `: ${this.#reason}`}`,
          { details: { retryAfterMs: backPressureRetryMs } },
        )
      }
      await this.#progress.next(signal)
      if (signal?.aborted === true) return
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    for (;;) {
      const { version } = this.#tables
      const starts = await this.#onceKnown(() => this.#tables.starts(partitions))
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
    const { signal } = this.#stopping
    const look = () => {
      if (this.#failure !== null) throw this.#failure.thrown
      return this.#tables.changed(signal)
    }
    const changed = await this.#lost.onceThere(look, signal)
    if (changed === null) return
    const { areGone } = this.#lost
    if (changed.size === 0 && !areGone) return
    await this.#giveUpBatches()
    if (changed.size > 0) {
      if (!(await this.#lost.makeWhole(signal))) return
      if (!(await this.#beginAnew(changed))) return
    }
    if (!areGone) return
    const ends = await this.#onceKnown(() => this.#written.ends())
    if (ends !== null) await this.#lost.areThere(changed.size, ends, signal)
  }

  /** False where the consumer ends before it is known from where. */
  async #beginAnew(changed: ReadonlySet<TopicName>): Promise<boolean> {
    const partitions = this.#positions.all().flatMap(({ at }) => (changed.has(at.topic) ? at : []))
    const starts = await this.#onceKnown(() => this.#tables.starts(partitions))
    if (starts === null) return false
    for (const [index, at] of partitions.entries()) {
      // Revoked meanwhile.
      if (this.#positions.get(at) === undefined) continue
      this.#positions.add(at, present(starts[index], 'start offset'))
    }
    this.#tables.settled()
    return true
  }

  #onceKnown<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
    return onceKnown(ask, this.#options.clock, this.#stopping.signal)
  }

  async #giveUpBatches(): Promise<void> {
    this.#hold.giveUp()
    await this.#hold.untilDone(this.#writing)
    this.#hold = this.#newHold()
    // What it waited for was given up; whether the next batch has to wait, that batch will see.
    this.#endPause()
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
      this.#lost.look()
      if (this.#failure !== null) throw this.#failure.thrown
    }
    await this.#flush()
    await this.#writing
    if (this.#failure !== null) throw this.#failure.thrown
  }

  async #fetch(): Promise<void> {
    const fetched = await this.#source.next(this.#waitMs(), this.#stopping.signal)
    this.#tail.push(...fetched.map((each) => ({ fetched: each, index: 0 })))
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
    const { sink, log } = this.#options
    // As they are known before the write: a table that takes their place meanwhile may not have these rows.
    const offsets = batch.offsets().map((at) => ({
      ...at,
      metadata: this.#tables.identityOf(at.topic),
    }))
    const tables = await batchRows(batch, this.#sources, this.#options.epoch)
    if (hold.givenUp.aborted) return
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
        this.#endPause()
        this.#reason = null
        return true
      } catch (thrown) {
        if (isTableLost(thrown)) {
          this.#lost.found(thrown)
          this.#tables.lookSoon()
          this.#endPause()
          hold.giveUp()
          return false
        }
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

  #endPause(): void {
    if (this.#state === 'paused') this.#state = 'running'
  }

  /** A stop waits for the hold that it found; nothing is written under one that comes after. */
  #newHold(): BatchHold {
    const hold = new BatchHold(this.#options.clock, this.#options.stopGraceMs)
    if (this.#stopping.signal.aborted) hold.giveUp()
    return hold
  }
}
