/**
 * What the stores of one task share: where they read, stream time, the memory budget, and what the commit in
 * progress holds in memory.
 *
 * Invariants:
 *  1. What was touched or written since the last `beginCommit` is pinned: it stays until the commit that
 *     follows is done.
 *  2. Between `beginCommit` and `endCommit` the next batch may go on; what it touches belongs to the next
 *     commit.
 */
import { assert } from '../core/assert.ts'
import type { Partition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Evictable, MemoryBudget } from './memory-budget.ts'
import { UndoLog } from './undo-log.ts'

/** A cached thing that a commit can hold in memory. */
export interface Held extends Evictable {
  /** The epoch in which it was touched last. */
  epoch: number
  /** Dirty, or waiting for a read: must not be evicted. */
  isNeeded(): boolean
  /** Whether it may stay once no commit needs it. */
  readonly staysCached: boolean
  /** Called when it is about to become evictable. */
  settle(): void
}

export class TaskScope {
  readonly partition: Partition
  readonly backend: StateBackend
  readonly budget: MemoryBudget
  readonly undo = new UndoLog()
  /** What readers and writers go by: the latest, or that of the record in hand. */
  streamTimeMs = -Infinity
  #latestStreamTimeMs = -Infinity
  /** One for each commit begun; cached things compare theirs with it to see whether they are pinned. */
  epoch = 1
  /** How many commits are done: a scan that sees it change reads again. */
  commitCount = 0
  #touched: Held[] = []
  #committing: Held[] | null = null
  #committingStreamTimeMs = -Infinity
  #committedStreamTimeMs = -Infinity

  constructor(partition: Partition, backend: StateBackend, budget: MemoryBudget) {
    this.partition = partition
    this.backend = backend
    this.budget = budget
  }

  get isCommitting(): boolean {
    return this.#committing !== null
  }

  /** Pins it until the next commit is done. Callers check `held.epoch !== scope.epoch` first. */
  touch(held: Held): void {
    held.epoch = this.epoch
    this.budget.pin(held)
    this.#touched.push(held)
  }

  /** @param streamTimeMs of the record in hand; null: the latest that there was */
  turnTo(streamTimeMs: number | null): void {
    if (streamTimeMs !== null && streamTimeMs > this.#latestStreamTimeMs) {
      this.#latestStreamTimeMs = streamTimeMs
    }
    this.streamTimeMs = streamTimeMs ?? this.#latestStreamTimeMs
  }

  /** What it writes goes by the latest stream time. */
  beginCommit(): void {
    assert(
      this.#committing === null,
      'a commit begins after the one before is committed or discarded',
    )
    this.#committing = this.#touched
    this.#touched = []
    this.turnTo(null)
    this.#committingStreamTimeMs = this.streamTimeMs
    this.epoch += 1
  }

  endCommit(): void {
    assert(this.#committing !== null, 'a commit ends after it has begun')
    for (const held of this.#committing) {
      if (held.epoch === this.epoch) continue
      if (held.isNeeded()) {
        this.touch(held)
      } else {
        held.settle()
        if (held.staysCached) this.budget.release(held)
        else this.#evict(held)
      }
    }
    this.#committing = null
    this.#committedStreamTimeMs = this.#committingStreamTimeMs
    this.commitCount += 1
    this.budget.shrink()
  }

  #evict(held: Held): void {
    this.budget.forget(held)
    held.evict()
  }

  /** Everything touched is forgotten by its store; stream time goes back to the last commit's. */
  discard(): void {
    this.undo.close()
    this.#touched = []
    this.#committing = null
    this.#latestStreamTimeMs = this.#committedStreamTimeMs
    this.streamTimeMs = this.#committedStreamTimeMs
    this.epoch += 1
    this.commitCount += 1
  }
}
