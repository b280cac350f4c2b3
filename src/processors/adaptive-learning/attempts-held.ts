/**
 * A learner whose attempts from a place on are taken back until the end of the batch, so that all that comes out of
 * order meanwhile costs one way back and one forwards. No store is read here, and none is written.
 *
 * Invariants:
 *  1. `below` and `attempts` together, as far as they are read, are the learner's attempts in their order: what still
 *     stands, and what is taken back or has come since.
 *  2. There is at least one in `attempts` from the first `put` on: the latest is known.
 */
import { present } from '../../core/assert.ts'
import type { Attempt } from './attempt.ts'
import { comparePlaces, placeOf, type KeptAttempt } from './kept-attempt.ts'
import type { Learner, Position } from './learner.ts'

/** The first read of what stands below brings so many; each further one twice as many, up to the greatest. */
const readEntriesMin = 16
const readEntriesMax = 1024

/** An attempt, and its place among those of its learner. */
export interface PlacedAttempt {
  readonly attempt: Attempt
  readonly place: Position
}

interface NextRead {
  /** Null: from the latest on. */
  readonly before: Position | null
  readonly entriesMax: number
}

export class HeldLearner {
  readonly userId: string
  /** As before the first of `attempts`, but for its `latest`. */
  readonly learner: Learner
  /** Ascending; they are applied yet. */
  #below: KeptAttempt[] = []
  /** Before it nothing is read yet; null: nothing is. */
  #readFrom: Position | null = null
  #isReadToStart = false
  #readEntries = readEntriesMin
  /** Ascending. */
  #attempts: PlacedAttempt[] = []
  readonly #byId = new Map<string, PlacedAttempt>()

  constructor(userId: string, learner: Learner) {
    this.userId = userId
    this.learner = learner
  }

  /** Those to apply, in their order. */
  get attempts(): readonly PlacedAttempt[] {
    return this.#attempts
  }

  get latest(): Position {
    return present(this.#attempts.at(-1), 'an attempt of a learner who is held').place
  }

  get(attemptId: string): PlacedAttempt | undefined {
    return this.#byId.get(attemptId)
  }

  /** What to read next to know all that stands at the place and after it; null where it is known. */
  nextRead(first: Position): NextRead | null {
    if (this.#below.length > 0 || this.#isReadToStart) return null
    const before = this.#readFrom
    if (before !== null && comparePlaces(before, first) <= 0) return null
    return { before, entriesMax: this.#readEntries }
  }

  /** @param found the answer to `nextRead`, descending */
  addRead(found: readonly KeptAttempt[]): void {
    this.#isReadToStart = found.length < this.#readEntries
    this.#readEntries = Math.min(readEntriesMax, 2 * this.#readEntries)
    const last = found.at(-1)
    if (last !== undefined) this.#readFrom = placeOf(last)
    this.#below = found.toReversed()
  }

  /** The latest of those that are read and still stand, where that is not before the place; the caller takes it back. */
  popFrom(first: Position): KeptAttempt | undefined {
    const kept = this.#below.at(-1)
    if (kept === undefined || comparePlaces(placeOf(kept), first) < 0) return undefined
    return this.#below.pop()
  }

  /** In place of what was read of the same attempt, where it was. */
  putBelow(kept: KeptAttempt): void {
    const place = placeOf(kept)
    const index = this.#below.findIndex((other) => comparePlaces(placeOf(other), place) === 0)
    if (index !== -1) this.#below[index] = kept
  }

  /** @param taken what was taken back, descending */
  addTaken(taken: readonly KeptAttempt[]): void {
    if (taken.length === 0) return
    const placed = taken
      .map((kept): PlacedAttempt => ({ attempt: kept.attempt, place: placeOf(kept) }))
      .reverse()
    for (const each of placed) this.#byId.set(each.attempt.attemptId, each)
    this.#attempts = [...placed, ...this.#attempts]
  }

  /** In its place, and its former version out of its own. */
  put(placed: PlacedAttempt): void {
    const { attemptId } = placed.attempt
    const former = this.#byId.get(attemptId)
    if (former !== undefined) this.#attempts.splice(this.#indexOf(former.place), 1)
    this.#attempts.splice(this.#indexOf(placed.place), 0, placed)
    this.#byId.set(attemptId, placed)
  }

  /** Of the first that does not stand before the place. */
  #indexOf(place: Position): number {
    let from = 0
    let to = this.#attempts.length
    while (from < to) {
      const middle = (from + to) >>> 1
      const { place: other } = present(this.#attempts[middle], 'an attempt between two')
      if (comparePlaces(other, place) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}
