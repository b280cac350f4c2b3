/**
 * An outer join of two streams in Kafka Streams looks through the records that wait for a partner only when the earliest of
 * them may have closed. What it takes for the earliest after such a look is the last one that it looked at
 * (`minTime` in KStreamKStreamJoin, 4.3.1): those before it are overlooked until that one has closed too.
 *
 * This keeps a case clear of it, and of nothing else: it knows what waits there and what is taken for the earliest, and holds
 * a record's time back where stream time would close what is overlooked, and not what is taken for the earliest.
 */
import { present } from '../../../src/core/assert.ts'
import type { Parameters, RecordStep } from './case.ts'

type Waiting = Pick<RecordStep, 'topic' | 'key' | 'timestampMs'>

export class OverlookedResults {
  readonly #differenceMs: number
  readonly #graceMs: number
  readonly #outerTopics: readonly string[]
  readonly #taken: RecordStep[] = []
  /** In the order in which Kafka Streams looks through them. */
  #waiting: Waiting[] = []
  #takenForEarliestMs = Infinity
  #streamTimeMs = 0

  /** `isRightOuter` of the case: 1 if so; the left side always is. */
  constructor({ differenceMs, graceMs, isRightOuter }: Parameters) {
    this.#differenceMs = present(differenceMs, 'a difference')
    this.#graceMs = present(graceMs, 'a grace')
    this.#outerTopics = isRightOuter === 1 ? ['input', 'other'] : ['input']
  }

  /** The record as it may come. */
  take(record: RecordStep): RecordStep {
    // It finds no partner and waits for none, and its time does not count: see stream-time-of-the-task.
    if (record.key === null) return record
    const taken = { ...record, timestampMs: this.#heldBackMs(record.timestampMs) }
    this.#streamTimeMs = Math.max(this.#streamTimeMs, taken.timestampMs)
    if (taken.timestampMs === this.#streamTimeMs && this.#isClosed(this.#takenForEarliestMs)) {
      this.#lookThrough()
    }
    this.#join(taken)
    return taken
  }

  #heldBackMs(timestampMs: number): number {
    const earliestMs = this.#waiting[0]?.timestampMs ?? Infinity
    const isOverlooked =
      this.#isClosed(earliestMs, timestampMs) &&
      !this.#isClosed(this.#takenForEarliestMs, timestampMs)
    return isOverlooked ? earliestMs + this.#differenceMs + this.#graceMs : timestampMs
  }

  #lookThrough(): void {
    const open = this.#waiting.filter(({ timestampMs }) => !this.#isClosed(timestampMs))
    const openTopics = new Set<string>()
    this.#takenForEarliestMs = this.#waiting.at(-1)?.timestampMs ?? Infinity
    for (const { topic, timestampMs } of open) {
      this.#takenForEarliestMs = timestampMs
      // Both sides are open: it looks no further.
      if (openTopics.size === 2) break
      openTopics.add(topic)
    }
    this.#waiting = open
  }

  #join({ topic, key, timestampMs, ...rest }: RecordStep): void {
    const partners = this.#taken.filter(
      (other) =>
        other.topic !== topic &&
        other.key === key &&
        Math.abs(other.timestampMs - timestampMs) <= this.#differenceMs,
    )
    this.#taken.push({ topic, key, timestampMs, ...rest })
    if (partners.length > 0) {
      this.#waiting = this.#waiting.filter(
        (one) => !partners.some((partner) => isSame(partner, one)),
      )
      return
    }
    const goesOutAtOnce = timestampMs + this.#differenceMs < this.#streamTimeMs
    if (goesOutAtOnce || !this.#outerTopics.includes(topic)) return
    this.#takenForEarliestMs = Math.min(this.#takenForEarliestMs, timestampMs)
    this.#waiting.push({ topic, key, timestampMs })
    // Of one moment the right side's come first, and "other" is the right one.
    this.#waiting.sort(
      (one, two) => one.timestampMs - two.timestampMs || (one.topic < two.topic ? 1 : -1),
    )
  }

  #isClosed(timestampMs: number, streamTimeMs = this.#streamTimeMs): boolean {
    return timestampMs + this.#differenceMs + this.#graceMs < streamTimeMs
  }
}

function isSame(one: Waiting, two: Waiting): boolean {
  return one.topic === two.topic && one.key === two.key && one.timestampMs === two.timestampMs
}
