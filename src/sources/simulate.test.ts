import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ManualClock, systemClock } from '../core/clock.ts'
import { openIngestFixture } from './ingest-fixture.test-support.ts'
import { Random } from './random.ts'
import { runSimulation } from './run-simulation.ts'
import { simulate, type SimulatedEvent, type SimulationOptions } from './simulate.ts'

const hourMs = 3_600_000
const options: SimulationOptions = {
  seed: 7,
  students: 200,
  rate: 20,
  startMs: 1_700_000_000_000,
  durationMs: hourMs,
}

const textOf = (given: SimulationOptions) =>
  [...simulate(given)].map((event) => JSON.stringify(event)).join('\n')

function isReference({ topic }: SimulatedEvent): boolean {
  return ['teachers', 'tests', 'questions', 'students'].includes(topic)
}

test('the same seed gives the same bytes, another seed others', () => {
  const short = { ...options, durationMs: 600_000 }
  const hash = createHash('sha256').update(textOf(short)).digest('hex')
  assert.equal(hash, 'a634cca48f1a8d2570a0d8b1a697486ff15cf7ff3aeb2a2c6754f4d2f3384e86')
  assert.equal(textOf(short), textOf({ ...short }))
  assert.notEqual(textOf(short), textOf({ ...short, seed: 8 }))
})

test('the numbers of a seed never change', () => {
  const random = new Random(1)
  assert.deepEqual(
    Array.from({ length: 3 }, () => random.bits()),
    [2420951833, 2513034076, 3847892949],
  )
})

test('events arrive in order, none before it happened, at about the rate', () => {
  const events = [...simulate(options)]
  const arrivals = events.map(({ arrivalMs }) => arrivalMs)
  assert.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  )
  assert.ok(events.every(({ arrivalMs, timestampMs }) => arrivalMs >= timestampMs))
  const half = options.startMs + hourMs / 2
  const end = options.startMs + hourMs
  const later = events.filter(
    (event) => !isReference(event) && event.arrivalMs >= half && event.arrivalMs < end,
  )
  const rate = later.length / (hourMs / 2000)
  assert.ok(Math.abs(rate - options.rate) < 2, `${rate} events a second`)
})

test('some events are late, some come twice, some minds change, some leave', () => {
  const events = [...simulate(options)]
  const ofTopic = (topic: string) => events.filter((event) => event.topic === topic)
  const answers = ofTopic('answers')
  const ids = new Set(answers.map(({ value }) => value['answer_id']))
  assert.ok(ids.size < answers.length && ids.size > 0.95 * answers.length)
  assert.ok(answers.some(({ arrivalMs, timestampMs }) => arrivalMs - timestampMs > 60_000))
  assert.ok(ofTopic('questions').some(({ arrivalMs }) => arrivalMs > options.startMs))
  assert.ok(answers.some(({ value }) => value['submitted_option'] === null))
  const attempted = new Map<string, Set<unknown>>()
  for (const { value } of answers) {
    const name = `${String(value['session_id'])} ${String(value['question_id'])}`
    attempted.set(name, (attempted.get(name) ?? new Set()).add(value['answer_id']))
  }
  assert.ok([...attempted.values()].some(({ size }) => size > 1))
  const states = new Set(ofTopic('submissions').map(({ value }) => value['completion_status']))
  assert.deepEqual(states, new Set(['completed', 'incomplete']))
})

test('abler students answer more questions right, and harder questions are answered right less', () => {
  const events = [...simulate({ ...options, rate: 200, students: 50, durationMs: hourMs / 6 })]
  const correct = new Map(
    events
      .filter(({ topic }) => topic === 'questions')
      .map(({ value }) => [value['question_id'], value['correct_option']]),
  )
  for (const field of ['student_id', 'question_id']) {
    const shares = new Map<unknown, { right: number; all: number }>()
    for (const { topic, value } of events) {
      if (topic !== 'answers') continue
      const share = shares.get(value[field]) ?? { right: 0, all: 0 }
      share.all++
      if (value['submitted_option'] === correct.get(value['question_id'])) share.right++
      shares.set(value[field], share)
    }
    const rates = [...shares.values()].filter(({ all }) => all > 50).map((s) => s.right / s.all)
    assert.ok(Math.max(...rates) > 0.65, `best ${field} ${Math.max(...rates)}`)
    assert.ok(Math.min(...rates) < 0.4, `worst ${field} ${Math.min(...rates)}`)
  }
})

test('every event is taken by its topic', async () => {
  const { ingest, log, records } = await openIngestFixture()
  const { signal } = new AbortController()
  const events = [...simulate({ ...options, durationMs: 600_000 })]
  const sent = await runSimulation({ events, ingest, clock: systemClock, paced: false, signal })
  assert.equal(sent, events.length)
  const answers = events.filter(({ topic }) => topic === 'answers')
  assert.equal((await records('answers')).length, answers.length)
  await log.close()
})

test('a second run of a seed has the same people and tests, and new sessions and answers', () => {
  const short = { ...options, durationMs: 60_000 }
  const again = { ...short, startMs: options.startMs + hourMs }
  const byKind = (given: SimulationOptions) => {
    const events = [...simulate(given)]
    return {
      reference: events
        .filter(isReference)
        .map(({ value }) => JSON.stringify(value))
        .sort(),
      ids: events.flatMap(({ value }) => value['answer_id'] ?? []),
    }
  }
  const [one, other] = [byKind(short), byKind(again)]
  assert.deepEqual(one.reference, other.reference)
  const known = new Set(one.ids)
  assert.ok(one.ids.length > 0 && other.ids.every((id) => !known.has(id)))
})

test('paced, an event is sent when the clock reaches it, and the signal stops the wait', async () => {
  const { ingest, log } = await openIngestFixture()
  const clock = new ManualClock(options.startMs)
  const controller = new AbortController()
  const handedOver: number[] = []
  let waits = 0
  const running = runSimulation({
    events: early(simulate({ ...options, durationMs: Infinity }), handedOver),
    ingest,
    clock: {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, due) => {
        const cancel = clock.after(delayMs, due)
        setImmediate(() => {
          if (++waits === 50) controller.abort()
          else clock.advance(delayMs)
        })
        return cancel
      },
    },
    paced: true,
    signal: controller.signal,
    onProgress: () => {
      assert.ok(handedOver.splice(0).every((arrivalMs) => arrivalMs <= clock.nowMs()))
    },
  })
  const sent = await running
  assert.equal(waits, 50)
  assert.ok(sent > 250 && ingest.counters.of('sessions').taken > 0)
  await log.close()
})

/** Notes each event but the one that is looked at and not yet sent. */
function* early(events: Iterable<SimulatedEvent>, noted: number[]): Generator<SimulatedEvent> {
  for (const event of events) {
    yield event
    noted.push(event.arrivalMs)
  }
}
