/** The punctuations that a task's processors have scheduled, and which are due (Kafka's `PunctuationQueue`). */
import type { PunctuationType } from '../processors/processor.ts'
import type { TaskNode } from './task-graph.ts'

export interface Punctuation {
  readonly node: TaskNode
  readonly intervalMs: number
  readonly callback: (timestampMs: number) => void | Promise<void>
  dueMs: number
}

export class Punctuations {
  readonly #scheduled: Readonly<Record<PunctuationType, Set<Punctuation>>> = {
    'stream-time': new Set(),
    'wall-clock-time': new Set(),
  }

  /** In stream time the first is due with the first record; by the wall clock after one interval. */
  schedule(
    node: TaskNode,
    intervalMs: number,
    type: PunctuationType,
    wallClockMs: number,
    callback: Punctuation['callback'],
  ): { cancel(): void } {
    if (!(intervalMs > 0)) {
      throw new RangeError(
        `node ${node.name} schedules a punctuation each ${intervalMs} ms: use 1 or more`,
      )
    }
    const dueMs = type === 'stream-time' ? -Infinity : wallClockMs + intervalMs
    const punctuation = { node, intervalMs, callback, dueMs }
    this.#scheduled[type].add(punctuation)
    return { cancel: () => this.#scheduled[type].delete(punctuation) }
  }

  /** What is due at that time, earliest first; each is then due one interval later, intervals that went by
   * unseen are left out. */
  takeDue(type: PunctuationType, nowMs: number): Punctuation[] {
    if (this.#scheduled[type].size === 0 || nowMs === -Infinity) return []
    const due = [...this.#scheduled[type]].filter(({ dueMs }) => dueMs <= nowMs)
    due.sort((left, right) => left.dueMs - right.dueMs)
    for (const punctuation of due) {
      const { dueMs, intervalMs } = punctuation
      if (dueMs === -Infinity) {
        // Aligned to the epoch, so that every run punctuates at the same times.
        punctuation.dueMs = Math.floor(nowMs / intervalMs) * intervalMs + intervalMs
      } else {
        punctuation.dueMs = dueMs + intervalMs * (Math.floor((nowMs - dueMs) / intervalMs) + 1)
      }
    }
    return due
  }

  isScheduled(punctuation: Punctuation, type: PunctuationType): boolean {
    return this.#scheduled[type].has(punctuation)
  }

  /** Null where none is scheduled. */
  nextDueMs(type: PunctuationType): number | null {
    let nextMs: number | null = null
    for (const { dueMs } of this.#scheduled[type]) {
      if (nextMs === null || dueMs < nextMs) nextMs = dueMs
    }
    return nextMs
  }
}
