/**
 * Retention and compaction in bounded steps, beside fetches and appends. Every deletion goes through the single
 * writer and keeps the log right at any point: an expired prefix goes whole, and a superseded record only
 * after the one that supersedes it is durable.
 */
import type { Offset } from '../core/record.ts'
import { readBatches } from './batch-reader.ts'
import { CompactionPass, needsCompaction } from './compaction.ts'
import type { GroupCommit } from './group-commit.ts'
import { maintenanceDefaults } from './maintenance-options.ts'
import type { MaintenanceOptions } from './maintenance-options.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import { rewriteRecords, type RewriteOptions } from './rewrite-records.ts'
import { summarizeRecordBatch } from './record-batch.ts'
import { logKey, metaKey, metaValue } from './storage-keys.ts'
import type { TopicCatalog } from './topic-catalog.ts'

export interface MaintenanceReport {
  /** Whole batches that were older than their topic's retention. */
  readonly expiredBatches: number
  /** Records that compaction removed. */
  readonly compactedRecords: number
  /** The step ended at its limit, not at the end of the work. */
  readonly more: boolean
}

interface Step {
  readonly nowMs: number
  bytesLeft: number
  expiredBatches: number
  compactedRecords: number
  more: boolean
}

export class Maintenance {
  readonly #storage: OrderedStorage
  readonly #topics: TopicCatalog
  readonly #commits: GroupCommit
  readonly #options: MaintenanceOptions
  /** When the first batch of a partition expires, so that a quiet one costs no read. */
  readonly #expiresMs = new Map<PartitionLog, { readonly start: Offset; readonly atMs: number }>()
  #pass: CompactionPass | null = null
  /** One step at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    storage: OrderedStorage,
    topics: TopicCatalog,
    commits: GroupCommit,
    options: Partial<MaintenanceOptions> = {},
  ) {
    this.#storage = storage
    this.#topics = topics
    this.#commits = commits
    this.#options = { ...maintenanceDefaults, ...options }
  }

  step(nowMs: number): Promise<MaintenanceReport> {
    const report = this.#last.then(() => this.#step(nowMs))
    this.#last = report.catch(() => undefined)
    return report
  }

  /** What lies before the offset is gone; never more than the partition has. */
  deleteRecords(log: PartitionLog, before: Offset): Promise<void> {
    const deleted = this.#last.then(async () => {
      const newStart = Math.min(before, log.highWatermark) as Offset
      if (newStart > log.logStartOffset) await this.#moveLogStart(log, newStart)
    })
    this.#last = deleted.catch(() => undefined)
    return deleted
  }

  rewriteRecords(log: PartitionLog, options: RewriteOptions): Promise<void> {
    const rewritten = this.#last.then(() =>
      rewriteRecords(this.#storage, this.#commits, log, options),
    )
    this.#last = rewritten.catch(() => undefined)
    return rewritten
  }

  async #step(nowMs: number): Promise<MaintenanceReport> {
    const bytesLeft = this.#options.stepBytesMax
    const step: Step = { nowMs, bytesLeft, expiredBatches: 0, compactedRecords: 0, more: false }
    for (const log of this.#topics.allPartitions()) {
      if (log.topic.spec.cleanupPolicy === 'delete') await this.#expire(log, step)
    }
    await this.#compact(step)
    const { expiredBatches, compactedRecords, more } = step
    return { expiredBatches, compactedRecords, more }
  }

  async #expire(log: PartitionLog, step: Step): Promise<void> {
    const { retentionMs } = log.topic.spec
    if (retentionMs === null) return
    const start = log.logStartOffset
    if (start === log.highWatermark) return
    const known = this.#expiresMs.get(log)
    if (known?.start === start && step.nowMs <= known.atMs + retentionMs) return
    if (step.bytesLeft <= 0) {
      step.more = true
      return
    }
    const batches = await readBatches(this.#storage, log, start, step.bytesLeft)
    let expired = 0
    for (const batch of batches) {
      step.bytesLeft -= batch.bytes.length
      const { maxTimestampMs } = summarizeRecordBatch(batch.bytes)
      if (maxTimestampMs + retentionMs >= step.nowMs) {
        this.#expiresMs.set(log, { start: batch.baseOffset, atMs: maxTimestampMs })
        break
      }
      expired++
    }
    const last = batches[expired - 1]
    if (last === undefined) return
    await this.#moveLogStart(log, (last.lastOffset + 1) as Offset)
    step.expiredBatches += expired
    if (expired === batches.length && log.logStartOffset < log.highWatermark) step.more = true
  }

  #moveLogStart(log: PartitionLog, newStart: Offset): Promise<void> {
    const { number } = log.topic
    return this.#commits.run({
      bytes: 128,
      prepare: (operations) => {
        const from = logKey(number, log.partition, 0)
        const to = logKey(number, log.partition, newStart)
        operations.push({ kind: 'delete-range', family: 'log', from, to })
        const key = metaKey('log-start', number, log.partition)
        operations.push({ kind: 'put', family: 'meta', key, value: metaValue(newStart) })
      },
      settle: () => {
        log.logStartOffset = newStart
      },
    })
  }

  async #compact(step: Step): Promise<void> {
    while (step.bytesLeft > 0) {
      this.#pass ??= this.#nextPass()
      if (this.#pass === null) return
      try {
        await this.#pass.step(step)
      } catch (thrown) {
        this.#pass = null
        throw thrown
      }
      if (this.#pass.isOver) this.#pass = null
    }
    step.more ||= this.#pass !== null || this.#nextPass() !== null
  }

  #nextPass(): CompactionPass | null {
    for (const log of this.#topics.allPartitions()) {
      if (log.topic.spec.cleanupPolicy !== 'compact') continue
      if (needsCompaction(log, this.#options)) {
        return new CompactionPass(this.#storage, this.#commits, log, this.#options)
      }
    }
    return null
  }
}
