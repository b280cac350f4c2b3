/**
 * A learner's paper in a topic: the first attempt at each item, by time, then id. What each batch changes about it
 * goes to the topic's sums.
 *
 * Invariants:
 *  1. `item-attempts` lists the attempts of learner, topic and item by time, then id; its first one is in the paper.
 *  2. Only where the first attempt is taken out is the list read.
 *  3. Papers are put once a batch, in `flush`: while it lasts, `#touched` has them by item.
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
  readonly items: readonly FirstAttempt[]
}

interface Touched {
  readonly id: InUser
  readonly paper: FirstAttempts
  /** As it was before the batch. */
  readonly before: Paper
  seenMs: number
  hasChanged: boolean
}

/** By item. */
type FirstAttempts = Map<string, FirstAttempt>

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
    for (const { id, paper, before, seenMs, hasChanged } of this.#touched.values()) {
      const items = [...paper.values()]
      if (hasChanged) this.#papers.put(id, { items })
      this.#changes.add(id[1], orNull(before), orNull(paperOf(items)), seenMs)
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
    const touched = this.#touch(attempt)
    const first = touched.paper.get(offered.itemId)
    if (first !== undefined && !isBefore(offered, first)) return
    touched.paper.set(offered.itemId, offered)
    touched.hasChanged = true
  }

  async #replace(before: Attempt, after: Attempt | null): Promise<void> {
    const { userId, topic, itemId, timestampMs, attemptId } = before
    this.#attempts.delete([userId, topic, itemId, timestampMs, attemptId])
    const touched = this.#touch(before)
    if (touched.paper.get(itemId)?.attemptId === attemptId) {
      touched.paper.delete(itemId)
      touched.hasChanged = true
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
      const items = this.#papers.get([userId, topic])?.items ?? []
      const paper = new Map(items.map((item) => [item.itemId, item]))
      const before = paperOf(items)
      touched = { id: [userId, topic], paper, before, seenMs: timestampMs, hasChanged: false }
      this.#touched.set(mark, touched)
    }
    touched.seenMs = Math.max(touched.seenMs, timestampMs)
    return touched
  }
}

function isBefore(a: FirstAttempt, b: FirstAttempt): boolean {
  return (a.timestampMs - b.timestampMs || compareAsKeys(a.attemptId, b.attemptId)) < 0
}

function paperOf(items: readonly FirstAttempt[]): Paper {
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
