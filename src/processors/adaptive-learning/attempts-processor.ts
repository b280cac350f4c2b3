/**
 * The attempts of each learner, in their order, become rows with the features before each of them.
 *
 * Owned here: where an attempt stands, and which rows change. Left to `learner.ts`: what an attempt changes.
 *
 * Invariants:
 *  1. `places` lists the learner's attempts in their order: by time, and at the same time by id. What comes further
 *     behind the latest than the horizon stands last, with a rank above 0, and is marked late. A new version of an
 *     attempt that stands at its time does so too, however old.
 *  2. After `flush` the learner's states are those after the last of `places`: each attempt stepped once, in that order.
 *  3. In order, an attempt costs one step. Once one comes out of order, its learner is held until `flush`: what stands
 *     after it is taken back, and so is what stands after an earlier one that comes later, and all of it is applied in
 *     `flush`. So a batch costs one step back and one forwards for each attempt that stands after the first place that
 *     it changes, however many it changes: those of the horizon, or of the time since an attempt that is corrected.
 *  4. Between `process` and `flush` the states of a learner who is held are those before the first of its held
 *     attempts; where an attempt stands is judged by the held ones.
 *  5. Rows are forwarded once a batch, in `flush`, some at a time, since each has all abilities of its learner; a row that it
 *     replaces is forwarded as superseded.
 */
import { setImmediate } from 'node:timers/promises'
import { present } from '../../core/assert.ts'
import { noHeaders } from '../../core/record.ts'
import { encodeTuple } from '../../core/tuple.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { attemptChecks, passes } from './attempt-checks.ts'
import { HeldLearner, type PlacedAttempt } from './attempts-held.ts'
import { attemptRow, attemptRowBytes, type AttemptRowParts } from './attempt-rows.ts'
import {
  attemptIdOf,
  attemptOf,
  compareVersions,
  isSameAttempt,
  type Attempt,
  type AttemptChange,
} from './attempt.ts'
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
import { sentMsOf } from './version-order.ts'

/** The names by which the topology connects this processor. */
export const attemptPorts = {
  facts: 'user-attempt-facts',
  superseded: 'superseded-attempt-facts',
  days: 'daily-aggregations',
  papers: 'topic-papers',
} as const

export type UserId = readonly [userId: string]
export type InUser = readonly [userId: string, id: string]

/** Rows are ten times as large before they are encoded. */
const forwardedBytesMax = 4 * 1024 * 1024
/** A way back or forwards stops for others after so many. */
const stepsUntilRest = 1000

interface Touched {
  /** Of the row to come. */
  parts: AttemptRowParts
  /** The row that readers have; null where there is none yet. */
  readonly replaced: { readonly parts: AttemptRowParts; readonly revision: number } | null
}

export class AttemptsProcessor implements Processor<UserId, UserAttempt | null> {
  readonly #parameters: FeatureParameters
  #context!: ProcessorContext
  #attempts!: KeyValueStore<InUser, KeptAttempt>
  #places!: KeyValueStore<PlaceId, Buffer>
  #learners!: KeyValueStore<UserId, Learner>
  #topics!: KeyValueStore<InUser, LearnerTopic>
  #items!: KeyValueStore<InUser, LearnerItem>

  /** By user id. */
  readonly #held = new Map<string, HeldLearner>()
  readonly #touched = new Map<string, Touched>()
  #changes: AttemptChange[] = []
  /** Back and forwards. */
  #steps = 0

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
    prefetch.key('attempts', [userId, attemptIdOf(value, timestampMs)])
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
    const attempt = attemptOf(event, timestampMs, sentMsOf(this.#context, timestampMs))
    const { userId, attemptId } = attempt
    const held = this.#held.get(userId)
    const former = held?.get(attemptId) ?? this.#placed(userId, attemptId)
    const order = former === undefined ? 1 : compareVersions(attempt, former.attempt)
    if (order <= 0) {
      this.#context.countDropped('duplicate')
      if (order < 0) this.#changes.push({ before: null, after: null, seen: attempt })
      return
    }
    if (former !== undefined && isSameAttempt(attempt, former.attempt)) {
      this.#context.countDropped('duplicate')
      this.#keepAsSent(held, { attempt, place: former.place })
      return
    }
    this.#changes.push({ before: former?.attempt ?? null, after: attempt, seen: attempt })
    const learner = held?.learner ?? this.#learners.get([userId]) ?? newLearner()
    const latest = held === undefined ? learner.latest : held.latest
    const place = this.#placeFor(latest, attempt, former)
    const isLast = latest === null || comparePlaces(place, latest) > 0
    if (former !== undefined || !isLast) {
      return this.#insert(held ?? this.#hold(userId, learner), { attempt, place }, former?.place)
    }
    this.#places.put(placeId(userId, place), noBytes)
    if (held === undefined) this.#apply(learner, { attempt, place })
    else held.put({ attempt, place })
  }

  /** It says what the version says that counts, and was sent later: what comes next is compared with it. */
  #keepAsSent(held: HeldLearner | undefined, placed: PlacedAttempt): void {
    const { userId, attemptId } = placed.attempt
    if (held?.get(attemptId) !== undefined) {
      held.put(placed)
      return
    }
    const id: InUser = [userId, attemptId]
    const kept = { ...present(this.#attempts.get(id), 'a former version'), attempt: placed.attempt }
    this.#attempts.put(id, kept)
    held?.putBelow(kept)
  }

  get holdsMore(): boolean {
    return this.#touched.size > 0
  }

  async flush(): Promise<void> {
    for (const { learner, attempts } of this.#held.values()) {
      for (const placed of attempts) {
        if (this.#takeStep()) await this.#rest()
        this.#apply(learner, placed)
      }
    }
    this.#held.clear()
    let bytes = 0
    for (const [mark, touched] of this.#touched) {
      this.#touched.delete(mark)
      this.#forwardRows(touched)
      bytes += heldBytesOf(touched)
      if (bytes >= forwardedBytesMax && this.holdsMore) return
    }
    const changes = this.#changes
    this.#changes = []
    for (const change of changes) {
      const { userId, timestampMs } = change.seen
      const record = { key: [userId], value: change, timestampMs, headers: noHeaders }
      this.#context.forward(record, attemptPorts.days)
      this.#context.forward(record, attemptPorts.papers)
    }
  }

  /** True where it is time for a rest. */
  #takeStep(): boolean {
    this.#steps += 1
    return this.#steps % stepsUntilRest === 0
  }

  /** A learner may have very many attempts: no hang, and not at the cost of all else that the process does. */
  #rest(): Promise<void> {
    this.#context.noteProgress()
    return setImmediate()
  }

  #placed(userId: string, attemptId: string): PlacedAttempt | undefined {
    const kept = this.#attempts.get([userId, attemptId])
    return kept === undefined ? undefined : { attempt: kept.attempt, place: placeOf(kept) }
  }

  #placeFor(
    latest: Position | null,
    { attemptId, timestampMs }: Attempt,
    former: PlacedAttempt | undefined,
  ): Position {
    const standsAtItsTime = former?.place.rank === 0
    const isInTime = latest === null || timestampMs >= latest.orderMs - this.#parameters.horizonMs
    return standsAtItsTime || isInTime
      ? { orderMs: timestampMs, rank: 0, attemptId }
      : { orderMs: latest.orderMs, rank: latest.rank + 1, attemptId }
  }

  #hold(userId: string, learner: Learner): HeldLearner {
    const held = new HeldLearner(userId, learner)
    this.#held.set(userId, held)
    return held
  }

  /** Goes back to where the attempt belongs, or its former version did, and puts it there. */
  async #insert(held: HeldLearner, placed: PlacedAttempt, former: Position | undefined) {
    const { userId } = held
    const { place } = placed
    const isMoved = former !== undefined && comparePlaces(former, place) !== 0
    await this.#takeBackFrom(held, isMoved && comparePlaces(former, place) < 0 ? former : place)
    if (isMoved) this.#places.delete(placeId(userId, former))
    this.#places.put(placeId(userId, place), noBytes)
    held.put(placed)
  }

  /** Takes back what stands at the place and after it. */
  async #takeBackFrom(held: HeldLearner, first: Position): Promise<void> {
    const taken: KeptAttempt[] = []
    for (;;) {
      await this.#readBelow(held, first)
      const kept = held.popFrom(first)
      if (kept === undefined) break
      if (this.#takeStep()) await this.#rest()
      this.#takeBack(held.learner, kept)
      taken.push(kept)
    }
    held.addTaken(taken)
  }

  async #readBelow(held: HeldLearner, first: Position): Promise<void> {
    const { userId } = held
    const read = held.nextRead(first)
    if (read === null) return
    const { before, entriesMax } = read
    const entries = await this.#places.range({
      prefix: encodeTuple([userId]),
      ...(before === null ? {} : { to: placeId(userId, before) }),
      reverse: true,
      entriesMax,
    })
    const ids = entries.map(({ key }): InUser => [userId, key[3]])
    await this.#attempts.load(ids)
    const found = ids.map((id) => present(this.#attempts.get(id), 'an attempt with a place'))
    await this.#loadStates(found.map(({ attempt }) => attempt))
    held.addRead(found)
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
    const touched = { parts, replaced: { parts, revision } }
    this.#touched.set(mark, touched)
    this.#context.noteHeld(heldBytesOf(touched))
  }

  #apply(learner: Learner, { attempt, place }: PlacedAttempt): void {
    const { orderMs, rank, attemptId } = place
    const { userId } = attempt
    const states = this.#statesOf(learner, attempt)
    const features = featuresBefore(states, attempt, orderMs)
    const undo = step(states, attempt, place, this.#parameters)
    this.#keepStates(states, attempt)
    const knownAtMs = this.#context.wallClockMs
    const parts = { attempt, features, isLate: rank > 0, knownAtMs }
    const mark = markOf(attempt)
    const touched = this.#touched.get(mark)
    if (touched === undefined) {
      const first = { parts, replaced: null }
      this.#touched.set(mark, first)
      this.#context.noteHeld(heldBytesOf(first))
    } else touched.parts = parts
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
    const former = attemptRow(replaced.parts, this.#parameters)
    const value = { ...former, revision, superseded_at: row.known_at }
    this.#context.forward(
      { ...record, key: [userId, attemptId, revision], value },
      attemptPorts.superseded,
    )
  }
}

/** Of the rows to come, about. */
function heldBytesOf({ parts, replaced }: Touched): number {
  return attemptRowBytes(parts) + (replaced === null ? 0 : attemptRowBytes(replaced.parts))
}

function markOf({ userId, attemptId }: Attempt): string {
  return `${userId.length}:${userId}${attemptId}`
}

const noBytes = Buffer.alloc(0)
