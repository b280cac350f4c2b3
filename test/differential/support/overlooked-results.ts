/**
 * An outer join of two streams in Kafka Streams looks through the records that wait for a partner only when the earliest of
 * them may have closed. What it takes for the earliest after such a look is the last one that it looked at
 * (`minTime` in KStreamKStreamJoin, 4.3.1): those before it are overlooked until that one has closed too. Whether the earliest
 * may have closed it asks by the window of the side whose record has come, be the one that waits of the other.
 *
 * This keeps a case clear of it, and of nothing else: it knows what waits there and what is taken for the earliest, and holds
 * a record's time back where stream time would close what is overlooked, and not what is taken for the earliest.
 */
import { present } from '../../../src/core/assert.ts'
import type { Parameters, RecordStep } from './case.ts'

type Waiting = Pick<RecordStep, 'topic' | 'key' | 'timestampMs'>

export class OverlookedResults {
  /** How far after a record of a topic its partner may be. */
  readonly #afterMs: { readonly input: number; readonly other: number }
  readonly #graceMs: number
  readonly #outerTopics: readonly string[]
  readonly #taken: RecordStep[] = []
  /** In the order in which Kafka Streams looks through them. */
  #waiting: Waiting[] = []
  #takenForEarliestMs = Infinity
  #streamTimeMs = 0

  /** `isRightOuter` of the case: 1 if so; the left side always is. */
  constructor({ differenceMs, beforeMs, afterMs, graceMs, isRightOuter }: Parameters) {
    this.#afterMs = {
      input: present(afterMs ?? differenceMs, 'an after'),
      other: present(beforeMs ?? differenceMs, 'a before'),
    }
    this.#graceMs = present(graceMs, 'a grace')
    this.#outerTopics = isRightOuter === 1 ? ['input', 'other'] : ['input']
  }

  /** The record as it may come. */
  take(record: RecordStep): RecordStep {
    // It finds no partner and waits for none, and its time does not count: see stream-time-of-the-task.
    if (record.key === null) return record
    const taken = { ...record, timestampMs: this.#heldBackMs(record) }
    this.#streamTimeMs = Math.max(this.#streamTimeMs, taken.timestampMs)
    if (taken.timestampMs === this.#streamTimeMs && this.#looksThrough(taken)) this.#lookThrough()
    this.#join(taken)
    return taken
  }

  #heldBackMs(record: RecordStep): number {
    const openUntilMs = Math.min(...this.#waiting.map((one) => this.#openUntilMs(one)))
    const isOverlooked = openUntilMs < record.timestampMs && !this.#looksThrough(record)
    return isOverlooked ? openUntilMs : record.timestampMs
  }

  /** By its own side's window: what is taken for the earliest has closed. */
  #looksThrough({ topic, timestampMs }: Waiting): boolean {
    const earliest = { topic, key: null, timestampMs: this.#takenForEarliestMs }
    return this.#openUntilMs(earliest) < timestampMs
  }

  #lookThrough(): void {
    this.#takenForEarliestMs = Infinity
    const openTopics = new Set<string>()
    for (const one of this.#waiting) {
      this.#takenForEarliestMs = one.timestampMs
      // Both sides are open: it looks no further.
      if (openTopics.size === 2) break
      if (this.#isOpen(one)) openTopics.add(one.topic)
    }
    this.#waiting = this.#waiting.filter((one) => this.#isOpen(one))
  }

  #join(record: RecordStep): void {
    const { topic, key, timestampMs } = record
    const partners = this.#taken.filter(
      (other) =>
        other.topic !== topic &&
        other.key === key &&
        other.timestampMs <= timestampMs + this.#afterOf(topic) &&
        timestampMs <= other.timestampMs + this.#afterOf(other.topic),
    )
    this.#taken.push(record)
    if (partners.length > 0) {
      this.#waiting = this.#waiting.filter(
        (one) => !partners.some((partner) => isSame(partner, one)),
      )
      return
    }
    const goesOutAtOnce = timestampMs + this.#afterOf(topic) < this.#streamTimeMs
    if (goesOutAtOnce || !this.#outerTopics.includes(topic)) return
    this.#takenForEarliestMs = Math.min(this.#takenForEarliestMs, timestampMs)
    this.#waiting.push({ topic, key, timestampMs })
    // Of one moment the right side's come first, and "other" is the right one.
    this.#waiting.sort(
      (one, two) => one.timestampMs - two.timestampMs || (one.topic < two.topic ? 1 : -1),
    )
  }

  #isOpen(one: Waiting): boolean {
    return this.#openUntilMs(one) >= this.#streamTimeMs
  }

  /** The last stream time at which it waits. */
  #openUntilMs({ topic, timestampMs }: Waiting): number {
    return timestampMs + this.#afterOf(topic) + this.#graceMs
  }

  #afterOf(topic: string): number {
    return topic === 'input' ? this.#afterMs.input : this.#afterMs.other
  }
}

function isSame(one: Waiting, two: Waiting): boolean {
  return one.topic === two.topic && one.key === two.key && one.timestampMs === two.timestampMs
}
