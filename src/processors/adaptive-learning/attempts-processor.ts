/**
 * The attempts of each learner, in their order, become rows with the features before each of them.
 *
 * Owned here: where an attempt stands, and which rows change. Left to `learner.ts`: what an attempt changes.
 *
 * Invariants:
 *  1. `places` lists the learner's attempts in their order: by time, and at the same time by id. What comes further
 *     behind the latest than the horizon stands last, with a rank above 0, and is marked late. A new version of an
 *     attempt that stands at its time does so too, however old.
 *  2. The learner's states are those after the last of `places`: each attempt stepped once, in that order.
 *  3. In order, an attempt costs one step. Out of order it costs one step back and one forwards for each attempt
 *     that stands after it: those of the horizon, or of the time since an attempt that is corrected.
 *  4. Rows are forwarded once a batch, in `flush`; a row that it replaces is forwarded as superseded.
 */
import { present } from '../../core/assert.ts'
import { noHeaders } from '../../core/record.ts'
import { encodeTuple } from '../../core/tuple.ts'
import type { UserAttemptFact } from '../../facts/adaptive-learning.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { attemptChecks, passes } from './attempt-checks.ts'
import { attemptRow, type AttemptRowParts } from './attempt-rows.ts'
import { attemptOf, compareVersions, type Attempt, type AttemptChange } from './attempt.ts'
import type { UserAttempt } from './events.ts'
import { comparePlaces, placeId, placeOf, type KeptAttempt, type PlaceId } from './kept-attempt.ts'
import {
  featuresBefore,
  newLearner,
  newLearnerItem,
  newLearnerTopic,
  step,
  stepBack,
  type Learner,
  type LearnerItem,
  type LearnerStates,
  type LearnerTopic,
  type Position,
} from './learner.ts'
import type { FeatureParameters } from './parameters.ts'

/** The names by which the topology connects this processor. */
export const attemptPorts = {
  facts: 'user-attempt-facts',
  superseded: 'superseded-attempt-facts',
  days: 'daily-aggregations',
  papers: 'topic-papers',
} as const

export type UserId = readonly [userId: string]
export type InUser = readonly [userId: string, id: string]

/** How many places one scan reads at a time. */
const scanEntriesMax = 1000

interface Touched {
  /** Of the row to come. */
  parts: AttemptRowParts
  /** The row that readers have; null where there is none yet. */
  readonly replaced: { readonly row: UserAttemptFact; readonly revision: number } | null
}

export class AttemptsProcessor implements Processor<UserId, UserAttempt | null> {
  readonly #parameters: FeatureParameters
  #context!: ProcessorContext
  #attempts!: KeyValueStore<InUser, KeptAttempt>
  #places!: KeyValueStore<PlaceId, Buffer>
  #learners!: KeyValueStore<UserId, Learner>
  #topics!: KeyValueStore<InUser, LearnerTopic>
  #items!: KeyValueStore<InUser, LearnerItem>

  readonly #touched = new Map<string, Touched>()
  #changes: AttemptChange[] = []

  constructor(parameters: FeatureParameters) {
    this.#parameters = parameters
  }

  init(context: ProcessorContext): void {
    this.#context = context
    this.#attempts = context.store('attempts')
    this.#places = context.store('places')
    this.#learners = context.store('learners')
    this.#topics = context.store('learner-topics')
    this.#items = context.store('learner-items')
  }

  prefetch(
    { key, value, timestampMs }: StreamRecord<UserId, UserAttempt | null>,
    _parent: string,
    prefetch: Prefetch,
  ): void {
    if (value === null) return
    const [userId] = key
    prefetch.key('attempts', [userId, attemptOf(value, timestampMs).attemptId])
    prefetch.key('learners', key)
    prefetch.key('learner-topics', [userId, value.topic])
    prefetch.key('learner-items', [userId, value.item_id])
  }

  process(record: StreamRecord<UserId, UserAttempt | null>): void | Promise<void> {
    const { value: event, timestampMs } = record
    if (event === null) {
      this.#context.countDropped('null-value')
      return
    }
    if (!passes(attemptChecks, event, this.#context)) return
    const attempt = attemptOf(event, timestampMs)
    const { userId, attemptId } = attempt
    const kept = this.#attempts.get([userId, attemptId])
    const order = kept === undefined ? 1 : compareVersions(attempt, kept.attempt)
    if (order <= 0) {
      this.#context.countDropped('duplicate')
      if (order < 0) this.#changes.push({ before: null, after: null, seen: attempt })
      return
    }
    this.#changes.push({ before: kept?.attempt ?? null, after: attempt, seen: attempt })
    const learner = this.#learners.get([userId]) ?? newLearner()
    const { latest } = learner
    const place: Position = { orderMs: timestampMs, rank: 0, attemptId }
    const isInOrder = latest === null || comparePlaces(place, latest) > 0
    if (kept === undefined && isInOrder) {
      this.#apply(learner, attempt, place)
      return
    }
    return this.#insert(learner, attempt, kept)
  }

  flush(): void {
    for (const touched of this.#touched.values()) this.#forwardRows(touched)
    this.#touched.clear()
    const changes = this.#changes
    this.#changes = []
    for (const change of changes) {
      const { userId, timestampMs } = change.seen
      const record = { key: [userId], value: change, timestampMs, headers: noHeaders }
      this.#context.forward(record, attemptPorts.days)
      this.#context.forward(record, attemptPorts.papers)
    }
  }

  /** Goes back to where the attempt belongs, puts it there, and goes forwards again. */
  async #insert(learner: Learner, attempt: Attempt, former: KeptAttempt | undefined) {
    const { userId, attemptId } = attempt
    const place = this.#placeFor(learner, attempt, former)
    const formerPlace = former === undefined ? place : placeOf(former)
    const first = comparePlaces(formerPlace, place) < 0 ? formerPlace : place
    const after = await this.#keptFrom(userId, first)
    await this.#loadStates([attempt, ...after.map((kept) => kept.attempt)])
    for (const kept of after.toReversed()) this.#takeBack(learner, kept)
    if (former !== undefined) this.#places.delete(placeId(userId, formerPlace))
    const others = after.filter((kept) => kept.attempt.attemptId !== attemptId)
    const before = others.findIndex((kept) => comparePlaces(place, placeOf(kept)) < 0)
    const split = before === -1 ? others.length : before
    for (const kept of others.slice(0, split)) this.#apply(learner, kept.attempt, placeOf(kept))
    this.#apply(learner, attempt, place)
    for (const kept of others.slice(split)) this.#apply(learner, kept.attempt, placeOf(kept))
  }

  #placeFor({ latest }: Learner, attempt: Attempt, former: KeptAttempt | undefined): Position {
    const { attemptId, timestampMs } = attempt
    const last = present(latest, 'the latest attempt of a learner who has one')
    const standsAtItsTime = former?.rank === 0
    return standsAtItsTime || timestampMs >= last.orderMs - this.#parameters.horizonMs
      ? { orderMs: timestampMs, rank: 0, attemptId }
      : { orderMs: last.orderMs, rank: last.rank + 1, attemptId }
  }

  /** The learner's attempts from a place on, in their order. */
  async #keptFrom(userId: string, first: Position): Promise<KeptAttempt[]> {
    const prefix = encodeTuple([userId])
    const found: KeptAttempt[] = []
    let from = placeId(userId, first)
    for (;;) {
      const entries = await this.#places.range({ prefix, from, entriesMax: scanEntriesMax })
      const ids = entries.map(({ key }): InUser => [userId, key[3]])
      await this.#attempts.load(ids)
      for (const id of ids) found.push(present(this.#attempts.get(id), 'an attempt with a place'))
      const last = entries.at(-1)
      if (last === undefined || entries.length < scanEntriesMax) return found
      from = [last.key[0], last.key[1], last.key[2], `${last.key[3]}\0`]
    }
  }

  async #loadStates(attempts: readonly Attempt[]): Promise<void> {
    await this.#topics.load(attempts.map(({ userId, topic }): InUser => [userId, topic]))
    await this.#items.load(attempts.map(({ userId, itemId }): InUser => [userId, itemId]))
  }

  #statesOf(learner: Learner, { userId, topic, itemId }: Attempt): LearnerStates {
    return {
      learner,
      topic: this.#topics.get([userId, topic]) ?? newLearnerTopic(this.#parameters),
      item: this.#items.get([userId, itemId]) ?? newLearnerItem(),
    }
  }

  #keepStates({ learner, topic, item }: LearnerStates, { userId, ...attempt }: Attempt): void {
    this.#learners.put([userId], learner)
    this.#topics.put([userId, attempt.topic], topic)
    this.#items.put([userId, attempt.itemId], item)
  }

  #takeBack(learner: Learner, kept: KeptAttempt): void {
    const { attempt, orderMs, rank, revision, knownAtMs } = kept
    const states = this.#statesOf(learner, attempt)
    stepBack(states, attempt, kept.undo)
    this.#keepStates(states, attempt)
    const mark = markOf(attempt)
    if (this.#touched.has(mark)) return
    const features = featuresBefore(states, attempt, orderMs)
    const parts = { attempt, features, isLate: rank > 0, knownAtMs }
    const replaced = { row: attemptRow(parts, this.#parameters), revision }
    this.#touched.set(mark, { parts, replaced })
  }

  #apply(learner: Learner, attempt: Attempt, place: Position): void {
    const { orderMs, rank, attemptId } = place
    const { userId } = attempt
    const states = this.#statesOf(learner, attempt)
    const features = featuresBefore(states, attempt, orderMs)
    const undo = step(states, attempt, place, this.#parameters)
    this.#keepStates(states, attempt)
    this.#places.put(placeId(userId, place), noBytes)
    const knownAtMs = this.#context.wallClockMs
    const parts = { attempt, features, isLate: rank > 0, knownAtMs }
    const mark = markOf(attempt)
    const touched = this.#touched.get(mark)
    if (touched === undefined) this.#touched.set(mark, { parts, replaced: null })
    else touched.parts = parts
    const replaced = touched?.replaced ?? null
    const revision = replaced === null ? 0 : replaced.revision + 1
    this.#attempts.put([userId, attemptId], { attempt, orderMs, rank, undo, revision, knownAtMs })
  }

  #forwardRows({ parts, replaced }: Touched): void {
    const row = attemptRow(parts, this.#parameters)
    const { user_id: userId, attempt_id: attemptId } = row
    const record = { timestampMs: row.event_time, headers: noHeaders }
    this.#context.forward({ ...record, key: [userId, attemptId], value: row }, attemptPorts.facts)
    if (replaced === null) return
    const { revision } = replaced
    const value = { ...replaced.row, revision, superseded_at: row.known_at }
    this.#context.forward(
      { ...record, key: [userId, attemptId, revision], value },
      attemptPorts.superseded,
    )
  }
}

function markOf({ userId, attemptId }: Attempt): string {
  return `${userId.length}:${userId}${attemptId}`
}

const noBytes = Buffer.alloc(0)
