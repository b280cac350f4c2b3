/**
 * A test platform that lives: students of some ability open tests, answer, change their minds, skip, hand in or
 * leave. An answer is right with the two-parameter logistic model's probability, 1 / (1 + exp(−a (θ − b))): ability
 * θ, difficulty b, discrimination a (Birnbaum 1968).
 *
 *  1. The same options give the same events, byte by byte: all chance comes from the seed, all time from `startMs`.
 *  2. Events come in the order of their arrival. A few arrive late, a few twice (the same id), and a few questions
 *     and tests only after answers to them.
 *  3. People, tests and questions are the seed's alone; sessions and answers are also of `startMs`, so that a second
 *     run of a live platform brings new ones.
 */
import { DueQueue } from './due-queue.ts'
import { Random } from './random.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly students: number
  /** Sessions, answers and submissions a second, on average. */
  readonly rate: number
  /** Milliseconds since the epoch. */
  readonly startMs: number
  /** How long tests are opened; those that are open then are finished. Infinity never ends. */
  readonly durationMs: number
  readonly tests?: number
  readonly questionsPerTest?: number
}

export type SimulatedTopic =
  'teachers' | 'tests' | 'questions' | 'students' | 'sessions' | 'answers' | 'submissions'

export interface SimulatedEvent<Topic extends string = SimulatedTopic> {
  readonly topic: Topic
  readonly value: Readonly<Record<string, unknown>>
  /** When it happened. */
  readonly timestampMs: number
  /** When it reaches the platform: later, for a few. */
  readonly arrivalMs: number
}

const chances = {
  late: 0.02,
  twice: 0.01,
  lateReference: 0.03,
  changeOfMind: 0.12,
  /** A change of mind is towards the right option so often, where the first choice was wrong. */
  mindsTheRight: 0.6,
  noOption: 0.02,
  leaves: 0.08,
  leavesWithoutWord: 0.04,
} as const
const options = ['a', 'b', 'c', 'd'] as const
const answerSeconds = { median: 18, spread: 0.6 }
const lateSeconds = { mean: 90 }
const lateReferenceMs = 5 * 60_000
const sessionValidMs = 60 * 60_000
/** When the people, tests and questions were entered: before any run. */
const enteredMs = Date.UTC(2020, 0, 1)

interface Question {
  readonly id: string
  readonly correct: string
  readonly difficulty: number
  readonly discrimination: number
}

interface Test {
  readonly id: string
  readonly questions: readonly Question[]
}

export function* simulate(given: SimulationOptions): Generator<SimulatedEvent> {
  const platform = new Platform(given)
  const endMs = given.startMs + given.durationMs
  let nextAttemptMs = given.startMs
  for (;;) {
    if (nextAttemptMs < endMs && nextAttemptMs < platform.due.nextDueMs) {
      platform.attempt(nextAttemptMs)
      nextAttemptMs += platform.untilNextAttemptMs()
      continue
    }
    const event = platform.due.take()
    if (event === undefined) return
    yield event
  }
}

class Platform {
  readonly due = new DueQueue<SimulatedEvent>()
  readonly #random: Random
  readonly #abilities: readonly number[]
  readonly #tests: readonly [Test, ...Test[]]
  readonly #eventsPerSecond: number
  readonly #eventsPerAttempt: number
  readonly #population: string
  readonly #run: string
  #attempts = 0

  constructor({ seed, students, rate, startMs, tests, questionsPerTest }: SimulationOptions) {
    this.#random = new Random(seed)
    this.#population = `sim${seed}`
    this.#run = `${this.#population}-${startMs.toString(36)}`
    const questionCount = questionsPerTest ?? 12
    this.#abilities = Array.from({ length: Math.max(1, students) }, () => this.#random.normal())
    const made = Array.from({ length: Math.max(1, tests ?? 20) }, (_, index) =>
      this.#makeTest(index, questionCount),
    )
    this.#tests = made as unknown as readonly [Test, ...Test[]]
    this.#eventsPerSecond = rate
    // Session, answers with their changes, submission; some leave half-way.
    const answered = 1 - (chances.leaves + chances.leavesWithoutWord) / 2
    this.#eventsPerAttempt =
      (2 + questionCount * answered * (1 + chances.changeOfMind)) * (1 + chances.twice)
    this.#announce(startMs)
  }

  untilNextAttemptMs(): number {
    return this.#random.exponential((1000 * this.#eventsPerAttempt) / this.#eventsPerSecond)
  }

  /** A student opens a test: all that follows, each at its time. */
  attempt(atMs: number): void {
    const random = this.#random
    const attempt = `${this.#run}-${this.#attempts++}`
    const student = random.integer(this.#abilities.length)
    const ability = this.#abilities[student] ?? 0
    const student_id = this.#studentId(student)
    const { id: test_id, questions } = random.pick(this.#tests)
    const of = { student_id, test_id }
    const startMs = Math.round(atMs)
    const expiry_time = startMs + sessionValidMs
    this.#happens('sessions', startMs, {
      session_id: attempt,
      ...of,
      expiry_time,
      timestamp: startMs,
    })
    const leaves = random.chance(chances.leaves + chances.leavesWithoutWord)
    const says =
      !leaves || random.chance(chances.leaves / (chances.leaves + chances.leavesWithoutWord))
    const seen = leaves ? random.integer(questions.length) : questions.length
    let nowMs = startMs
    let answers = 0
    const answer = (question: Question, submitted_option: string | null) => {
      nowMs += Math.round(1000 * random.logNormal(answerSeconds.median, answerSeconds.spread))
      this.#happens('answers', nowMs, {
        answer_id: `${attempt}-${answers++}`,
        ...of,
        question_id: question.id,
        session_id: attempt,
        submitted_option,
        timestamp: nowMs,
      })
    }
    for (const question of questions.slice(0, seen)) {
      const first = this.#choose(question, ability)
      answer(question, first)
      if (random.chance(chances.changeOfMind)) answer(question, this.#reconsider(question, first))
    }
    if (!says) return
    nowMs += Math.round(1000 * random.logNormal(4, 0.5))
    const completion_status = leaves ? 'incomplete' : 'completed'
    this.#happens('submissions', nowMs, { ...of, submit_time: nowMs, completion_status })
  }

  #choose({ correct, difficulty, discrimination }: Question, ability: number): string | null {
    if (this.#random.chance(chances.noOption)) return null
    const right = 1 / (1 + Math.exp(-discrimination * (ability - difficulty)))
    return this.#random.chance(right) ? correct : this.#other(correct)
  }

  #reconsider({ correct }: Question, first: string | null): string {
    if (first !== correct && this.#random.chance(chances.mindsTheRight)) return correct
    return this.#other(first ?? correct)
  }

  #other(option: string): string {
    const others = options.filter((each) => each !== option)
    return this.#random.pick(others as [string, ...string[]])
  }

  #happens(
    topic: SimulatedTopic,
    timestampMs: number,
    value: Readonly<Record<string, unknown>>,
  ): void {
    const random = this.#random
    const arrive = (late: boolean) => {
      const delayMs = late ? Math.round(1000 * random.exponential(lateSeconds.mean)) : 0
      const arrivalMs = timestampMs + delayMs
      this.due.add(arrivalMs, { topic, value, timestampMs, arrivalMs })
    }
    arrive(random.chance(chances.late))
    if (random.chance(chances.twice)) arrive(true)
  }

  #makeTest(index: number, questionCount: number): Test {
    const id = `${this.#population}-test-${index + 1}`
    const questions = Array.from({ length: Math.max(1, questionCount) }, (_, position) => ({
      id: `${id}-q${position + 1}`,
      correct: this.#random.pick(options),
      difficulty: this.#random.normal(),
      discrimination: this.#random.logNormal(1, 0.3),
    }))
    return { id, questions }
  }

  /** Reference data, of which a little comes late. */
  #announce(startMs: number): void {
    const teachers = Math.ceil(this.#tests.length / 4)
    const add = (
      topic: SimulatedTopic,
      value: Readonly<Record<string, unknown>>,
      late: boolean,
    ) => {
      const arrivalMs = startMs + (late ? this.#random.integer(lateReferenceMs) : 0)
      this.due.add(arrivalMs, { topic, value, timestampMs: enteredMs, arrivalMs })
    }
    const late = () => this.#random.chance(chances.lateReference)
    for (let index = 0; index < teachers; index++) {
      const teacher_id = `${this.#population}-teacher-${index + 1}`
      const department = ['Mathematics', 'Physics', 'Languages'][index % 3] ?? ''
      const teacher_name = `Teacher ${index + 1}`
      add('teachers', { teacher_id, teacher_name, department }, false)
    }
    for (const [index, { id, questions }] of this.#tests.entries()) {
      const teacher_id = `${this.#population}-teacher-${(index % teachers) + 1}`
      const test_name = `Test ${index + 1}`
      const total_questions = questions.length
      const test = { test_id: id, teacher_id, test_name, created_at: enteredMs, total_questions }
      add('tests', test, late())
      for (const { id: question_id, correct } of questions) {
        add('questions', { question_id, test_id: id, correct_option: correct }, late())
      }
    }
    for (const index of this.#abilities.keys()) {
      const student_name = `Student ${index + 1}`
      const student_id = this.#studentId(index)
      add('students', { student_id, student_name, created_at: enteredMs }, false)
    }
  }

  #studentId(index: number): string {
    return `${this.#population}-student-${index + 1}`
  }
}
