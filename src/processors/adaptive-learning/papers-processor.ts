/**
 * A learner's paper in a topic: the first attempt at each item, by time, then id. What each batch changes about it
 * goes to the topic's sums.
 *
 * Invariants:
 *  1. `item-attempts` lists the attempts of learner, topic and item by time, then id; its first one is in the paper.
 *  2. Only where the first attempt is taken out is the list read.
 */
import { encodeTuple } from '../../core/tuple.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import { TallyChanges, type Paper } from '../item-statistics/tally.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { compareAsKeys } from '../text-order.ts'
import type { Attempt, AttemptChange } from './attempt.ts'
import type { InUser, UserId } from './attempts-processor.ts'

export type ItemAttemptId = readonly [
  userId: string,
  topic: string,
  itemId: string,
  timestampMs: number,
  attemptId: string,
]

export interface FirstAttempt {
  readonly itemId: string
  readonly timestampMs: number
  readonly attemptId: string
  readonly isCorrect: boolean
}

export interface TopicPaper {
  readonly items: FirstAttempt[]
}

interface Touched {
  readonly paper: TopicPaper
  /** As it was before the batch. */
  readonly before: Paper
  readonly topic: string
  seenMs: number
}

export class PapersProcessor implements Processor<UserId, AttemptChange> {
  #context!: ProcessorContext
  #papers!: KeyValueStore<InUser, TopicPaper>
  /** Values: whether the attempt was right. */
  #attempts!: KeyValueStore<ItemAttemptId, number>
  readonly #touched = new Map<string, Touched>()
  readonly #changes = new TallyChanges()

  init(context: ProcessorContext): void {
    this.#context = context
    this.#papers = context.store('papers')
    this.#attempts = context.store('item-attempts')
  }

  prefetch({ value }: StreamRecord<UserId, AttemptChange>, _parent: string, prefetch: Prefetch) {
    for (const attempt of [value.before, value.after, value.seen]) {
      if (attempt !== null) prefetch.key('papers', [attempt.userId, attempt.topic])
    }
  }

  process({ value }: StreamRecord<UserId, AttemptChange>): void | Promise<void> {
    const { before, after, seen } = value
    this.#touch(seen)
    if (before === null) {
      if (after !== null) this.#add(after)
      return
    }
    return this.#replace(before, after)
  }

  flush(): void {
    for (const { paper, before, topic, seenMs } of this.#touched.values()) {
      this.#changes.add(topic, orNull(before), orNull(paperOf(paper)), seenMs)
    }
    this.#touched.clear()
    this.#changes.forwardTo(this.#context)
  }

  #add(attempt: Attempt): void {
    const { userId, topic, itemId, timestampMs, attemptId, correct } = attempt
    this.#attempts.put([userId, topic, itemId, timestampMs, attemptId], correct ? 1 : 0)
    this.#offer(attempt, { itemId, timestampMs, attemptId, isCorrect: correct })
  }

  /** Into the paper, where it is the first. */
  #offer(attempt: Attempt, offered: FirstAttempt): void {
    const { paper } = this.#touch(attempt)
    const at = paper.items.findIndex(({ itemId }) => itemId === offered.itemId)
    const first = paper.items[at]
    if (first === undefined) paper.items.push(offered)
    else if (isBefore(offered, first)) paper.items[at] = offered
    else return
    this.#papers.put([attempt.userId, attempt.topic], paper)
  }

  async #replace(before: Attempt, after: Attempt | null): Promise<void> {
    const { userId, topic, itemId, timestampMs, attemptId } = before
    this.#attempts.delete([userId, topic, itemId, timestampMs, attemptId])
    const { paper } = this.#touch(before)
    const at = paper.items.findIndex((item) => item.itemId === itemId)
    if (paper.items[at]?.attemptId === attemptId) {
      paper.items.splice(at, 1)
      this.#papers.put([userId, topic], paper)
      const prefix = encodeTuple([userId, topic, itemId])
      const [next] = await this.#attempts.range({ prefix, entriesMax: 1 })
      if (next !== undefined) {
        const [, , , ms, id] = next.key
        this.#offer(before, { itemId, timestampMs: ms, attemptId: id, isCorrect: next.value === 1 })
      }
    }
    if (after !== null) this.#add(after)
  }

  #touch({ userId, topic, timestampMs }: Attempt): Touched {
    const mark = `${userId.length}:${userId}${topic}`
    let touched = this.#touched.get(mark)
    if (touched === undefined) {
      const paper = this.#papers.get([userId, topic]) ?? { items: [] }
      touched = { paper, before: paperOf(paper), topic, seenMs: timestampMs }
      this.#touched.set(mark, touched)
    }
    touched.seenMs = Math.max(touched.seenMs, timestampMs)
    return touched
  }
}

function isBefore(a: FirstAttempt, b: FirstAttempt): boolean {
  return (a.timestampMs - b.timestampMs || compareAsKeys(a.attemptId, b.attemptId)) < 0
}

function paperOf({ items }: TopicPaper): Paper {
  return { items: items.map(({ itemId, isCorrect }) => ({ itemId, isCorrect })) }
}

/** A learner without an attempt in the topic has no paper in it. */
function orNull(paper: Paper): Paper | null {
  return paper.items.length === 0 ? null : paper
}

export const topicPaperSerde = avroSerde<TopicPaper>('store papers', 1, {
  type: 'record',
  name: 'TopicPaper',
  fields: [
    {
      name: 'items',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'FirstAttempt',
          fields: [
            { name: 'itemId', type: 'string' },
            { name: 'timestampMs', type: 'long' },
            { name: 'attemptId', type: 'string' },
            { name: 'isCorrect', type: 'boolean' },
          ],
        },
      },
    },
  ],
})
