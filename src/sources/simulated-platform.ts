/**
 * A live test platform made up from a seed: the same seed gives the same events, byte for byte, relative to the
 * same start. Whether an answer is right follows the two-parameter logistic model of item response theory
 * (Birnbaum 1968): P = 1 / (1 + e^(−a (θ − b))), with ability θ, discrimination a and difficulty b.
 *
 * Students think, skip, come back and change their minds; some do not hand in. A few events come late and a few
 * come twice, as on a real platform.
 */
import { Random } from './random.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly students: number
  /** Events a second, on average, once sessions are under way. */
  readonly rate: number
  /** When the platform opens, milliseconds since the epoch. */
  readonly startMs: number
  /** How long it stays open; sessions that began before are finished. */
  readonly durationMs: number
}

export interface SimulatedEvent {
  readonly topic: string
  readonly value: Readonly<Record<string, string | number | null>>
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number
  /** When it reaches the platform: late ones come after events that happened later. */
  readonly arrivalMs: number
}

interface Item {
  readonly id: string
  readonly correct: string
  readonly discrimination: number
  readonly difficulty: number
}

interface SimulatedTest {
  readonly id: string
  readonly items: readonly Item[]
}

const testCount = 12
const teacherCount = 4
const options = ['a', 'b', 'c', 'd'] as const
const questionsMin = 8
const questionsSpread = 9
const departments = ['Biology', 'History', 'Mathematics', 'Physics']

/** Of a student who answers about twelve questions: with session, changes of mind and submission. */
const eventsPerSession = 15
const sessionValidMs = 45 * 60_000
const lateByMs = 90_000

/** Reference data first, then events in the order of their arrival. Endless where `durationMs` is Infinity. */
export function* simulatePlatform(options: SimulationOptions): Generator<SimulatedEvent> {
  const random = new Random(options.seed)
  const tests = makeTests(random)
  yield* referenceEvents(options, tests)
  const abilities = Array.from({ length: options.students }, () => random.normal())
  const everyMs = (1000 * eventsPerSession) / options.rate
  const waiting = new ArrivalQueue()
  for (let session = 0; session * everyMs < options.durationMs; session += 1) {
    const startMs = Math.round(options.startMs + session * everyMs)
    yield* waiting.takeUntil(startMs)
    const student = random.below(options.students)
    const test = tests[random.below(tests.length)]
    const ability = abilities[student]
    if (test === undefined || ability === undefined) continue
    const id = `sim${options.seed}-${session}`
    for (const event of sitting(random, { id, student, ability, test, startMs })) waiting.add(event)
  }
  yield* waiting.takeUntil(Infinity)
}

interface Sitting {
  readonly id: string
  readonly student: number
  readonly ability: number
  readonly test: SimulatedTest
  readonly startMs: number
}

/** One student takes one test. */
function sitting(
  random: Random,
  { id, student, ability, test, startMs }: Sitting,
): SimulatedEvent[] {
  const events: SimulatedEvent[] = []
  const who = { student_id: studentId(student), test_id: test.id }
  const happen = (topic: string, atMs: number, value: SimulatedEvent['value']) => {
    const timestampMs = Math.round(atMs)
    const arrivalMs = timestampMs + (random.chance(0.01) ? lateByMs : random.below(400))
    const event = { topic, value: { ...who, ...value }, timestampMs, arrivalMs }
    events.push(event)
    if (random.chance(0.005)) events.push({ ...event, arrivalMs: arrivalMs + random.below(5000) })
  }
  happen('sessions', startMs, {
    session_id: id,
    timestamp: startMs,
    expiry_time: startMs + sessionValidMs,
  })
  let nowMs = startMs
  let answers = 0
  const answer = (item: Item) => {
    nowMs += 1000 * Math.exp(2.6 + 0.5 * random.normal())
    happen('answers', nowMs, {
      answer_id: `${id}-${answers}`,
      question_id: item.id,
      session_id: id,
      submitted_option: optionOf(random, item, ability),
      timestamp: Math.round(nowMs),
    })
    answers += 1
  }
  const givesUpAt = random.chance(0.12) ? random.below(test.items.length) : test.items.length
  const reached = test.items.slice(0, givesUpAt)
  for (const item of reached) answer(item)
  for (const item of reached) if (random.chance(0.12)) answer(item)
  if (givesUpAt === test.items.length || random.chance(0.5)) {
    nowMs += 5000
    happen('submissions', nowMs, {
      submit_time: Math.round(nowMs),
      completion_status: givesUpAt === test.items.length ? 'completed' : 'incomplete',
    })
  }
  return events
}

function optionOf(random: Random, item: Item, ability: number): string | null {
  if (random.chance(0.02)) return null
  const logit = item.discrimination * (ability - item.difficulty)
  if (random.chance(1 / (1 + Math.exp(-logit)))) return item.correct
  const wrong = options.filter((option) => option !== item.correct)
  return wrong[random.below(wrong.length)] ?? null
}

function makeTests(random: Random): readonly SimulatedTest[] {
  return Array.from({ length: testCount }, (_, test) => ({
    id: `sim-test-${test + 1}`,
    items: Array.from({ length: questionsMin + random.below(questionsSpread) }, (_, question) => ({
      id: `sim-test-${test + 1}-q${question + 1}`,
      correct: options[random.below(options.length)] ?? 'a',
      discrimination: 0.6 + 1.4 * random.next(),
      difficulty: random.normal(),
    })),
  }))
}

function* referenceEvents(
  { students, startMs }: SimulationOptions,
  tests: readonly SimulatedTest[],
): Generator<SimulatedEvent> {
  const dayMs = 24 * 60 * 60_000
  const createdMs = startMs - dayMs
  const event = (topic: string, value: SimulatedEvent['value']): SimulatedEvent => ({
    topic,
    value,
    timestampMs: createdMs,
    arrivalMs: startMs,
  })
  for (let teacher = 0; teacher < teacherCount; teacher += 1) {
    yield event('teachers', {
      teacher_id: `sim-teacher-${teacher + 1}`,
      teacher_name: `Teacher ${teacher + 1}`,
      department: departments[teacher] ?? null,
    })
  }
  for (const [index, { id, items }] of tests.entries()) {
    yield event('tests', {
      test_id: id,
      teacher_id: `sim-teacher-${(index % teacherCount) + 1}`,
      test_name: `Test ${index + 1}`,
      created_at: createdMs,
      total_questions: items.length,
    })
    for (const item of items) {
      yield event('questions', { question_id: item.id, test_id: id, correct_option: item.correct })
    }
  }
  for (let student = 0; student < students; student += 1) {
    yield event('students', {
      student_id: studentId(student),
      student_name: `Student ${student + 1}`,
      created_at: createdMs,
    })
  }
}

function studentId(student: number): string {
  return `sim-student-${student + 1}`
}

/** Events of sessions under way, by arrival: a binary heap; equal arrivals in the order they were added. */
class ArrivalQueue {
  readonly #heap: { readonly event: SimulatedEvent; readonly order: number }[] = []
  #added = 0

  add(event: SimulatedEvent): void {
    const heap = this.#heap
    heap.push({ event, order: this.#added++ })
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  *takeUntil(untilMs: number): Generator<SimulatedEvent> {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.event.arrivalMs >= untilMs) return
      const last = this.#heap.pop()
      if (this.#heap.length > 0 && last !== undefined) {
        this.#heap[0] = last
        this.#sink()
      }
      yield first.event
    }
  }

  #sink(): void {
    let at = 0
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child
      }
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#heap[a]
    const other = this.#heap[b]
    if (one === undefined || other === undefined) return false
    const byMs = one.event.arrivalMs - other.event.arrivalMs
    return byMs < 0 || (byMs === 0 && one.order < other.order)
  }

  #swap(a: number, b: number): void {
    const one = this.#heap[a]
    const other = this.#heap[b]
    if (one === undefined || other === undefined) return
    this.#heap[a] = other
    this.#heap[b] = one
  }
}
