/**
 * One compaction pass over one partition, in bounded steps.
 *
 *     map ──▶ rewrite ──▶ over
 *
 * `map` reads the records since the last pass and remembers the last offset of each key. `rewrite` reads all
 * batches up to where the map ends and leaves out what the map supersedes; offsets stay as they are.
 */
import { assert } from '../core/assert.ts'
import type { ConsumerRecord, Offset } from '../core/record.ts'
import { readBatches } from './batch-reader.ts'
import type { GroupCommit } from './group-commit.ts'
import type { MaintenanceOptions } from './maintenance-options.ts'
import type { OrderedStorage, StorageOperation } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import { decodeRecordBatch, encodeCompactedBatch } from './record-batch.ts'
import { logKey, metaKey, metaValue } from './storage-keys.ts'
import type { StoredBatch } from './tail-cache.ts'

export interface CompactionBudget {
  readonly nowMs: number
  bytesLeft: number
  compactedRecords: number
}

interface Rewrite {
  readonly batch: StoredBatch
  /** Null where no record is left. */
  readonly bytes: Buffer | null
}

export function needsCompaction(
  log: PartitionLog,
  options: Pick<MaintenanceOptions, 'dirtyRatioMin' | 'dirtyRecordsMin'>,
): boolean {
  const dirtyRecords = log.highWatermark - log.compactedOffset
  if (dirtyRecords === 0 || dirtyRecords < options.dirtyRecordsMin) return false
  return dirtyRecords >= options.dirtyRatioMin * (dirtyRecords + log.compactedRecords)
}

export class CompactionPass {
  readonly #storage: OrderedStorage
  readonly #commits: GroupCommit
  readonly #log: PartitionLog
  readonly #options: MaintenanceOptions
  readonly #dirtyStart: Offset
  /** Last offset of each key (its bytes as latin-1) among the records since the last pass. */
  readonly #latest = new Map<string, number>()
  #phase: 'map' | 'rewrite' | 'over' = 'map'
  #position: Offset
  #end: Offset
  #keptRecords = 0

  constructor(
    storage: OrderedStorage,
    commits: GroupCommit,
    log: PartitionLog,
    options: MaintenanceOptions,
  ) {
    this.#storage = storage
    this.#commits = commits
    this.#log = log
    this.#options = options
    this.#dirtyStart = log.compactedOffset
    this.#position = log.compactedOffset
    this.#end = log.highWatermark
  }

  get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** Reads about `budget.bytesLeft` bytes. */
  async step(budget: CompactionBudget): Promise<void> {
    const batches = await readBatches(this.#storage, this.#log, this.#position, budget.bytesLeft)
    const within = batches.filter((batch) => batch.lastOffset < this.#end)
    for (const batch of within) budget.bytesLeft -= batch.bytes.length
    if (this.#phase === 'map') this.#map(within)
    else await this.#rewrite(within, budget)
  }

  #map(batches: readonly StoredBatch[]): void {
    for (const batch of batches) {
      for (const record of decodeRecordBatch(batch.bytes, batch.baseOffset)) {
        if (record.key !== null) this.#latest.set(record.key.toString('latin1'), record.offset)
      }
      this.#position = (batch.lastOffset + 1) as Offset
      if (this.#latest.size >= this.#options.passKeysMax) this.#end = this.#position
      if (this.#position >= this.#end) break
    }
    if (batches.length > 0 && this.#position < this.#end) return
    this.#phase = 'rewrite'
    this.#position = this.#log.logStartOffset
  }

  async #rewrite(batches: readonly StoredBatch[], budget: CompactionBudget): Promise<void> {
    const rewrites: Rewrite[] = []
    let removed = 0
    for (const batch of batches) {
      const records = decodeRecordBatch(batch.bytes, batch.baseOffset)
      const kept = records.filter((record) => this.#keeps(record, budget.nowMs))
      this.#keptRecords += kept.length
      this.#position = (batch.lastOffset + 1) as Offset
      if (kept.length === records.length && kept.length > 0) continue
      removed += records.length - kept.length
      const bytes = kept.length === 0 ? null : encodeCompactedBatch(kept, batch)
      rewrites.push({ batch, bytes })
    }
    const over = batches.length === 0 || this.#position >= this.#end
    await this.#write(rewrites, over)
    budget.compactedRecords += removed
    if (over) this.#phase = 'over'
  }

  #keeps(record: ConsumerRecord, nowMs: number): boolean {
    if (record.key === null) return true
    const latest = this.#latest.get(record.key.toString('latin1'))
    if (latest !== undefined && latest > record.offset) return false
    if (record.value !== null || record.offset >= this.#dirtyStart) return true
    // A tombstone that has been through a pass before: nothing older of its key is left.
    return record.timestampMs + this.#options.tombstoneRetentionMs >= nowMs
  }

  #write(rewrites: readonly Rewrite[], over: boolean): Promise<void> {
    const log = this.#log
    const { number } = log.topic
    return this.#commits.run({
      bytes: rewrites.reduce((bytes, rewrite) => bytes + 32 + (rewrite.bytes?.length ?? 0), 0),
      prepare: (operations) => {
        for (const rewrite of rewrites) operations.push(this.#operation(rewrite))
        if (!over) return
        const key = metaKey('compacted', number, log.partition)
        const value = metaValue([this.#end, this.#keptRecords])
        operations.push({ kind: 'put', family: 'meta', key, value })
      },
      settle: () => {
        if (rewrites.length > 0) log.tail.clear()
        if (!over) return
        log.compactedOffset = this.#end
        log.compactedRecords = this.#keptRecords
      },
    })
  }

  #operation({ batch, bytes }: Rewrite): StorageOperation {
    const log = this.#log
    const key = logKey(log.topic.number, log.partition, batch.lastOffset)
    if (bytes !== null) return { kind: 'put', family: 'log', key, value: bytes }
    // The high watermark is read from the last batch. Its last record is new and the newest of its key.
    assert(batch.lastOffset + 1 < log.highWatermark, 'the last batch keeps its last record')
    return { kind: 'delete', family: 'log', key }
  }
}
