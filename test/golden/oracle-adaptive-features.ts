/**
 * The rows of attempts, with the features before each of them, computed a second time: for every attempt one loop
 * over those before it. The rules are those of docs/adaptive-learning.md. Imports nothing from the product.
 */

export type Row = Record<string, unknown>

/** `at` is the record's time, where an event has none of its own. */
export interface AttemptEvent {
  attempt_id: string | null
  user_id: string
  item_id: string
  session_id: string | null
  topic: string
  correct: boolean
  answered: boolean
  time_taken_ms: number
  quality: number | null
  timestamp: number | null
  item_difficulty: number | null
  sm2_easiness_factor_before: number | null
  sm2_interval_before: number | null
  bkt_prob_knowledge_before: number | null
  irt_ability_before: Record<string, number> | null
  at: number
}

export interface Attempt extends AttemptEvent {
  id: string
  ms: number
}

/** The rows of one learner: in the order of (time, id), each with what the attempts before it say. */
export function attemptRows(attempts: Attempt[]): Row[] {
  attempts.sort((a, b) => a.ms - b.ms || (a.id < b.id ? -1 : 1))
  const abilities: Record<string, number> = {}
  const answers: Record<string, number> = {}
  const difficulties: Record<string, number> = {}
  const encounters: Record<string, number> = {}
  return attempts.map((attempt, index) => {
    const before = attempts.slice(0, index)
    const { topic, item_id: item } = attempt
    abilities[topic] ??= 0
    difficulties[item] ??= attempt.item_difficulty ?? 0
    const row = rowOf(attempt, {
      ...sm2(before.filter((other) => other.item_id === item)),
      known: knowledge(before.filter((other) => other.topic === topic)),
      abilities: { ...abilities },
      difficulty: difficulties[item],
      counts: {
        ...windows('user', attempt, before),
        ...windows(
          'topic',
          attempt,
          before.filter((other) => other.topic === topic),
        ),
      },
    })
    const surprise =
      Number(attempt.correct) - 1 / (1 + Math.exp(difficulties[item] - abilities[topic]))
    const weight = (count = 0) => Math.max(0.1, 1 / (1 + 0.05 * count))
    abilities[topic] += weight(answers[topic]) * surprise
    difficulties[item] -= weight(encounters[item]) * surprise
    answers[topic] = (answers[topic] ?? 0) + 1
    encounters[item] = (encounters[item] ?? 0) + 1
    return row
  })
}

interface Computed {
  factor: number
  interval: number
  repetitions: number
  known: number
  abilities: Record<string, number>
  difficulty: number
  counts: Row
}

function rowOf(attempt: Attempt, computed: Computed): Row {
  const { factor, interval, known, abilities, difficulty } = computed
  const brought = {
    sm2_easiness_factor_before: attempt.sm2_easiness_factor_before,
    sm2_interval_before: attempt.sm2_interval_before,
    bkt_prob_knowledge_before: attempt.bkt_prob_knowledge_before,
    irt_ability_before: attempt.irt_ability_before,
  }
  const differences: Record<string, number> = {}
  const computedOnes = [factor, interval, known]
  for (const [index, [name, value]] of Object.entries(brought).slice(0, 3).entries()) {
    if (value !== null) differences[name] = Number(value) - computedOnes[index]!
  }
  for (const [topic, ability] of Object.entries(brought.irt_ability_before ?? {})) {
    const own = abilities[topic]
    if (own !== undefined) differences[`irt_ability_${topic}_before`] = ability - own
  }
  const at = new Date(attempt.ms)
  const weekday = (at.getUTCDay() + 6) % 7
  return {
    user_id: attempt.user_id,
    attempt_id: attempt.id,
    item_id: attempt.item_id,
    session_id: attempt.session_id,
    topic: attempt.topic,
    correct: attempt.correct,
    answered: attempt.answered,
    time_taken_ms: attempt.time_taken_ms,
    quality: quality(attempt),
    response_time_seconds: attempt.time_taken_ms / 1000,
    response_time_category: category(attempt.time_taken_ms),
    hour_of_day: at.getUTCHours(),
    day_of_week: weekday,
    is_weekend: weekday > 4,
    sm2_easiness_factor_before: brought.sm2_easiness_factor_before ?? factor,
    sm2_interval_before: brought.sm2_interval_before ?? interval,
    sm2_repetitions_before: computed.repetitions,
    bkt_prob_knowledge_before: brought.bkt_prob_knowledge_before ?? known,
    irt_ability_before: brought.irt_ability_before ?? abilities,
    item_difficulty_before: difficulty,
    probability_correct_before: 1 / (1 + Math.exp(difficulty - abilities[attempt.topic]!)),
    ...computed.counts,
    features_source: Object.values(brought).every((value) => value === null) ? 'computed' : 'event',
    feature_differences: differences,
    parameter_version: 'sm2-canonical-1+bkt-default-1+elo-1pl-1',
    is_late: false,
    ...ymd(attempt.ms),
    event_time: attempt.ms,
  }
}

function sm2(attempts: readonly Attempt[]) {
  let factor = 2.5
  let interval = 0
  let repetitions = 0
  for (const attempt of attempts) {
    const q = quality(attempt)
    if (q < 3) {
      repetitions = 0
      interval = 1
      continue
    }
    factor = Math.max(1.3, factor + 0.1 - (5 - q) * (0.08 + (5 - q) * 0.02))
    repetitions += 1
    if (repetitions === 1) interval = 1
    else if (repetitions === 2) interval = 6
    else interval = Math.min(36_500, Math.ceil(interval * factor))
  }
  return { factor, interval, repetitions }
}

function knowledge(attempts: readonly Attempt[]): number {
  let known = 0.25
  for (const { correct } of attempts) {
    const right = correct ? known * 0.9 : known * 0.1
    const all = right + (correct ? (1 - known) * 0.25 : (1 - known) * 0.75)
    known = right / all + (1 - right / all) * 0.1
    known = Math.min(1 - 1e-6, Math.max(1e-6, known))
  }
  return known
}

function windows(scope: string, attempt: Attempt, before: readonly Attempt[]): Row {
  const counts: Row = {}
  for (const [name, hours] of [
    ['1h', 1],
    ['1d', 24],
    ['7d', 168],
    ['30d', 720],
  ] as const) {
    const step = hours * 60_000
    const inside = before.filter(
      ({ ms }) => Math.floor(attempt.ms / step) - Math.floor(ms / step) < 60,
    )
    counts[`${scope}_attempts_${name}`] = inside.length
    counts[`${scope}_wins_${name}`] = inside.filter(({ correct }) => correct).length
  }
  return counts
}

function category(ms: number): string {
  if (ms < 8000) return 'very_fast'
  if (ms < 16_000) return 'fast'
  if (ms < 32_000) return 'normal'
  return ms < 68_000 ? 'slow' : 'very_slow'
}

function quality({ quality: given, answered, correct, time_taken_ms: ms }: Attempt): number {
  if (given !== null) return given
  if (!answered) return 0
  if (!correct) return ms < 16_000 ? 1 : 2
  if (ms < 16_000) return 5
  return ms < 32_000 ? 4 : 3
}

export function ymd(ms: number) {
  const [year, month, day] = new Date(ms).toISOString().slice(0, 10).split('-').map(Number)
  return { year, month, day }
}
