/** What a task has counted since the process started; survives the task's restarts. */
import { SkipCount } from '../core/skipped-records.ts'
import type { DropReason } from '../processors/processor.ts'
import type { ForeignOffset } from './offset-metadata.ts'

export interface NodeDrops {
  readonly node: string
  readonly reason: DropReason
  readonly count: number
  /** Of those that failed: what the last one failed with. */
  readonly last?: string
}

export class TaskMetrics {
  /** Records taken in and committed. */
  processed = 0
  /** Records that went to topics, facts and repartition topics alike. */
  produced = 0
  quarantined = 0
  /** Checks of level Warning that failed; their records went on. */
  warnings = 0
  commits = 0
  restarts = 0
  lastCommitMs: number | null = null
  /** Of the offsets that the task went on from at its last start. */
  foreignOffsets: readonly ForeignOffset[] = []
  /** Input that the log removed before it was processed. */
  readonly skips = new SkipCount()
  readonly #lastFailures = new Map<string, string>()
  readonly #drops = new Map<string, Map<DropReason, number>>()
  #dropped = 0
  #late = 0

  /** All reasons but `late`, `duplicate`, which has had its effect already, and `erased`, which shall have none. */
  get dropped(): number {
    return this.#dropped
  }

  get late(): number {
    return this.#late
  }

  countDropped(node: string, reason: DropReason): void {
    let byReason = this.#drops.get(node)
    if (byReason === undefined) this.#drops.set(node, (byReason = new Map<DropReason, number>()))
    byReason.set(reason, (byReason.get(reason) ?? 0) + 1)
    if (reason === 'late') this.#late += 1
    else if (reason !== 'duplicate' && reason !== 'erased') this.#dropped += 1
  }

  /** A record that the node's function has thrown on. */
  countFailed(node: string, message: string): void {
    this.countDropped(node, 'failed')
    this.#lastFailures.set(node, message)
  }

  drops(): readonly NodeDrops[] {
    return [...this.#drops].flatMap(([node, byReason]) =>
      [...byReason].map(([reason, count]) => ({
        node,
        reason,
        count,
        ...this.#last(node, reason),
      })),
    )
  }

  #last(node: string, reason: DropReason): { last?: string } {
    const last = reason === 'failed' ? this.#lastFailures.get(node) : undefined
    return last === undefined ? {} : { last }
  }
}
