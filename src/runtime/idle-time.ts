/**
 * How stream time goes on while nothing comes (law 7): once all partitioned inputs have been at their end for
 * `idleAdvanceAfterMs`, by as much as the wall clock has gone on since. Only time at which a fetch has found them at
 * their end counts: while the log cannot be reached, events may wait there, and must not be late when they come.
 */
import type { InputPartition } from './input-queue.ts'

interface Idle {
  readonly sinceMs: number
  readonly untilMs: number
}

export class IdleTime {
  readonly #afterMs: number | null
  /** Stream time when the inputs fell quiet. */
  #base: { readonly sinceMs: number; readonly streamTimeMs: number } | null = null

  /** @param afterMs null: stream time stays where the last record has put it */
  constructor(afterMs: number | null) {
    this.#afterMs = afterMs
  }

  /** What stream time may be by now; -Infinity where idleness says nothing. */
  streamTimeMs(inputs: readonly InputPartition[], streamTimeMs: number): number {
    if (this.#afterMs === null || streamTimeMs === -Infinity) return -Infinity
    const idle = idleOf(inputs)
    if (idle === null) {
      this.#base = null
      return -Infinity
    }
    const { sinceMs, untilMs } = idle
    const idleMs = untilMs - sinceMs
    // Beyond what idleness has made of it: records came, and were over within the millisecond.
    const isMoved = this.#base !== null && streamTimeMs > this.#base.streamTimeMs + idleMs
    if (this.#base?.sinceMs !== sinceMs || isMoved) this.#base = { sinceMs, streamTimeMs }
    return idleMs < this.#afterMs ? -Infinity : this.#base.streamTimeMs + idleMs
  }

  /** When idleness brings stream time to `streamDueMs`; null where it does not, or where the next fetch has to tell. */
  dueMs(
    inputs: readonly InputPartition[],
    streamTimeMs: number,
    streamDueMs: number | null,
  ): number | null {
    if (this.#afterMs === null || streamDueMs === null || streamTimeMs === -Infinity) return null
    const idle = idleOf(inputs)
    if (idle === null) return null
    const { sinceMs, untilMs } = idle
    const baseMs = this.#base?.sinceMs === sinceMs ? this.#base.streamTimeMs : streamTimeMs
    const dueMs = sinceMs + Math.max(this.#afterMs, streamDueMs - baseMs)
    return dueMs > untilMs ? null : dueMs
  }
}

/** From when to when all partitioned inputs were seen at their end; null while one is not. */
function idleOf(inputs: readonly InputPartition[]): Idle | null {
  let sinceMs = -Infinity
  let untilMs = Infinity
  for (const { broadcast, idleSinceMs, seenAtEndMs } of inputs) {
    if (broadcast) continue
    if (idleSinceMs === null) return null
    sinceMs = Math.max(sinceMs, idleSinceMs)
    untilMs = Math.min(untilMs, Math.max(idleSinceMs, seenAtEndMs))
  }
  return sinceMs === -Infinity ? null : { sinceMs, untilMs: Math.max(sinceMs, untilMs) }
}
