/**
 * A practice platform of the past: learners come back over some days, take an item after another of a topic, and get
 * better at it. An attempt is right with the two-parameter logistic model's probability, as in `simulate.ts`; ability
 * in a topic grows with each attempt.
 *
 *  1. The same options give the same events, byte by byte, ids included: loading them twice changes nothing.
 *  2. Events come in the order of their arrival. A few attempts arrive late, a few twice (the same id).
 *  3. Reviews bring what the platform itself thinks of the learner, so that there is something to compare with: the share
 *     of right attempts in the topic so far, with one right and one wrong added (Laplace's rule of succession).
 */
import { DueQueue } from './due-queue.ts'
import { Random } from './random.ts'
import type { SimulatedEvent } from './simulate.ts'

export interface LearnersOptions {
  readonly seed: number
  readonly learners: number
  /** Milliseconds since the epoch: the first of the days, at 00:00 UTC. */
  readonly startMs: number
  readonly days: number
}

export type LearningTopic = 'user.attempts' | 'user.sessions' | 'ml.training'
type LearningEvent = SimulatedEvent<LearningTopic>

const topicNames = ['algebra', 'fractions', 'geometry', 'statistics'] as const
const itemsPerTopic = 10
const attemptsPerSession = { least: 5, range: 8 }
const daysBetweenSessions = 2.5
const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** When sessions begin: within the waking hours of a day, UTC. */
const wakingHours = { first: 7, count: 14 }
const answerSeconds = { median: 19, spread: 0.7 }
const lateHours = { mean: 6 }
const learnedPerAttempt = 0.04
const chances = {
  late: 0.02,
  twice: 0.01,
  noAnswer: 0.03,
  review: 0.25,
  mockTest: 0.1,
  /** An item whose key is wrong: the able get it wrong more often. */
  wrongKey: 0.08,
  trainedOn: 0.3,
} as const

interface Item {
  readonly id: string
  readonly difficulty: number
  readonly discrimination: number
}

interface Subject {
  readonly name: string
  readonly items: readonly [Item, ...Item[]]
}

/** What a learner has behind in one topic. */
interface Progress {
  ability: number
  attempts: number
  right: number
}

export function* simulateLearners(given: LearnersOptions): Generator<LearningEvent> {
  const platform = new Platform(given)
  for (let learner = 0; learner < given.learners; learner += 1) platform.learn(learner)
  for (;;) {
    const event = platform.due.take()
    if (event === undefined) return
    yield event
  }
}

class Platform {
  readonly due = new DueQueue<LearningEvent>()
  readonly #random: Random
  readonly #subjects: readonly [Subject, ...Subject[]]
  readonly #given: LearnersOptions

  constructor(given: LearnersOptions) {
    this.#given = given
    this.#random = new Random(given.seed)
    const subjects = topicNames.map((name) => this.#makeSubject(name))
    this.#subjects = subjects as unknown as readonly [Subject, ...Subject[]]
  }

  /** All that one learner does. */
  learn(index: number): void {
    const random = this.#random
    const { startMs, days } = this.#given
    const user = `learner-${index + 1}`
    const bent = random.normal()
    const progress = new Map<string, Progress>()
    let sessions = 0
    for (let day = random.integer(3); day < days;) {
      const hour = wakingHours.first + random.next() * wakingHours.count
      const atMs = Math.round(startMs + day * dayMs + hour * hourMs)
      const subject = random.pick(this.#subjects)
      const own = progress.get(subject.name) ?? { ability: bent, attempts: 0, right: 0 }
      progress.set(subject.name, own)
      sessions += 1
      this.#session(user, `${user}-s${sessions}`, subject, own, atMs)
      // Never twice on a day: so intervals between reviews are days, as spaced repetition counts them.
      day += Math.max(1, Math.round(random.exponential(daysBetweenSessions)))
    }
  }

  #session(user: string, session: string, subject: Subject, own: Progress, startMs: number): void {
    const random = this.#random
    const isReview = random.chance(chances.review)
    const isTest = !isReview && random.chance(chances.mockTest)
    const count = attemptsPerSession.least + random.integer(attemptsPerSession.range)
    const rightBefore = own.right
    let nowMs = startMs
    for (let number = 1; number <= count; number += 1) {
      nowMs += this.#attempt({ user, session, number, subject, own, nowMs, isReview })
    }
    const correct = own.right - rightBefore
    this.#happens('user.sessions', nowMs, {
      session_id: session,
      user_id: user,
      start_time: startMs,
      end_time: nowMs,
      items_attempted: count,
      correct_count: correct,
      accuracy: correct / count,
      topics: [subject.name],
      session_type: isReview ? 'review' : isTest ? 'mock_test' : 'practice',
    })
  }

  /** @returns milliseconds that it took */
  #attempt(of: {
    readonly user: string
    readonly session: string
    readonly number: number
    readonly subject: Subject
    readonly own: Progress
    readonly nowMs: number
    readonly isReview: boolean
  }): number {
    const { user, session, number, subject, own, nowMs, isReview } = of
    const random = this.#random
    const item = random.pick(subject.items)
    const rightChance = 1 / (1 + Math.exp(-item.discrimination * (own.ability - item.difficulty)))
    const answered = !random.chance(chances.noAnswer)
    const isRight = random.chance(rightChance) && answered
    const takenMs = Math.round(
      1000 * random.logNormal(answerSeconds.median, answerSeconds.spread) + 1,
    )
    const timestamp = nowMs + takenMs
    const attempt = `${session}-${number}`
    const shareRight = (own.right + 1) / (own.attempts + 2)
    this.#happens('user.attempts', timestamp, {
      attempt_id: attempt,
      user_id: user,
      item_id: item.id,
      session_id: session,
      topic: subject.name,
      correct: isRight,
      answered,
      time_taken_ms: takenMs,
      timestamp,
      ...(isReview ? { bkt_prob_knowledge_before: shareRight } : {}),
    })
    if (isReview && random.chance(chances.trainedOn)) {
      this.#happens('ml.training', timestamp, {
        training_id: attempt,
        algorithm: 'share_right',
        model_version: '1',
        user_id: user,
        item_id: item.id,
        features: { attempts_before: own.attempts, right_before: own.right },
        label: Number(isRight),
        prediction: shareRight,
        timestamp,
      })
    }
    own.attempts += 1
    own.right += Number(isRight)
    own.ability += learnedPerAttempt
    return takenMs
  }

  #happens(
    topic: LearningTopic,
    timestampMs: number,
    value: Readonly<Record<string, unknown>>,
  ): void {
    const random = this.#random
    const arrive = (late: boolean) => {
      const delayMs = late ? Math.round(hourMs * random.exponential(lateHours.mean)) : 0
      const arrivalMs = timestampMs + delayMs
      this.due.add(arrivalMs, { topic, value, timestampMs, arrivalMs })
    }
    arrive(random.chance(chances.late))
    if (random.chance(chances.twice)) arrive(true)
  }

  #makeSubject(name: string): Subject {
    const items = Array.from({ length: itemsPerTopic }, (_, index): Item => {
      const discrimination = this.#random.logNormal(1.2, 0.3)
      const hasWrongKey = this.#random.chance(chances.wrongKey)
      return {
        id: `${name}-${index + 1}`,
        difficulty: this.#random.normal(),
        discrimination: hasWrongKey ? -discrimination : discrimination,
      }
    })
    return { name, items: items as unknown as readonly [Item, ...Item[]] }
  }
}
