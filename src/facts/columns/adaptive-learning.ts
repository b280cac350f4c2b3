/** The columns of adaptive learning. `*_before` is before this attempt in event time. */
import type { ColumnNote } from '../../core/fact-table.ts'
import { itemStatisticsColumns } from './item-statistics.ts'
import type { NotesByTable } from './notes.ts'

const attempts = { unit: 'attempts' } as const
const logits = { unit: 'logits' } as const

/** The three columns of a UTC date. */
function dateOf(time: string): Record<string, ColumnNote> {
  return {
    year: { unit: 'year', formula: `UTC year of ${time}` },
    month: { unit: 'month, 1 to 12', formula: `UTC month of ${time}` },
    day: { unit: 'day, 1 to 31', formula: `UTC day of the month of ${time}` },
  }
}

const earlier = 'earlier by `user.attempts.timestamp`'

function windowCounts(): Record<string, ColumnNote> {
  const notes: Record<string, ColumnNote> = {}
  for (const [of, whose] of [
    ['user', '`user.attempts.user_id`'],
    ['topic', '`user.attempts.user_id` and `user.attempts.topic`'],
  ] as const) {
    for (const window of ['1h', '1d', '7d', '30d']) {
      const within = `with the same ${whose}, ${earlier}, within ${window}`
      notes[`${of}_attempts_${window}`] = { ...attempts, formula: `number of attempts ${within}` }
      notes[`${of}_wins_${window}`] = {
        ...attempts,
        formula: `number of attempts ${within}, whose \`user.attempts.correct\` is true`,
      }
    }
  }
  return notes
}

const attemptColumns: Record<string, ColumnNote> = {
  attempt_id: {
    formula:
      '`user.attempts.attempt_id`, or else `user.attempts.item_id` and `user.attempts.timestamp`',
  },
  time_taken_ms: { unit: 'ms' },
  quality: {
    unit: 'grade, 0 to 5',
    formula:
      '`user.attempts.quality`, or else 0 where not `answered`; `correct`: 5 very_fast or fast, 4 normal, 3 slower; wrong: 1 very_fast or fast, 2 slower, by `response_time_category`',
  },
  response_time_seconds: { unit: 's', formula: '`time_taken_ms` / 1000' },
  response_time_category: {
    formula:
      'very_fast < 8 s ≤ fast < 16 s ≤ normal < 32 s ≤ slow < 68 s ≤ very_slow, of `time_taken_ms`; parameters',
  },
  hour_of_day: { unit: 'hour, 0 to 23', formula: 'UTC hour of `user.attempts.timestamp`' },
  day_of_week: { unit: 'day, 0 to 6', formula: 'UTC weekday of `user.attempts.timestamp`' },
  is_weekend: { formula: '`day_of_week` ≥ 5' },
  sm2_easiness_factor_before: {
    unit: 'factor, 1.3 and more',
    formula:
      'SM-2 on `user.attempts.quality` or its derived `quality` by `item_id` and learner: EF 2.5 at the first; q ≥ 3 makes it EF + 0.1 − (5 − q)(0.08 + (5 − q) 0.02), at least 1.3; a lapse, q < 3, keeps EF; a `user.attempts.sm2_easiness_factor_before` goes first',
  },
  sm2_interval_before: {
    unit: 'days',
    formula:
      'SM-2 on `quality` by `item_id` and learner: 0 at the first; after a lapse, q < 3, 1; after q ≥ 3 for the first time in a row 1, the second 6, then ⌈interval × EF⌉ with the EF that this attempt has made, at most 36,500; a `user.attempts.sm2_interval_before` goes first',
  },
  sm2_repetitions_before: {
    ...attempts,
    formula:
      'attempts in a row with `quality` ≥ 3, by `item_id` and learner; 0 after a lapse, q < 3',
  },
  bkt_prob_knowledge_before: {
    unit: '0 to 1',
    formula:
      'Bayesian knowledge tracing on `user.attempts.correct` by `topic`, L .25 T .10 G .25 S .10; a `user.attempts.bkt_prob_knowledge_before` goes first',
  },
  irt_ability_before: {
    ...logits,
    formula:
      'Elo on `user.attempts.correct` by `topic`: θ + U(n)(correct − P), U(n) = max(.1, 1 / (1 + .05 n)); a `user.attempts.irt_ability_before` goes first',
  },
  item_difficulty_before: {
    ...logits,
    formula:
      'Elo on `user.attempts.correct` by `item_id` and learner, from `user.attempts.item_difficulty`: b − U(n)(correct − P)',
  },
  probability_correct_before: {
    unit: '0 to 1',
    formula: '1 / (1 + e^(`item_difficulty_before` − ability in `topic`)), computed ability',
  },
  ...windowCounts(),
  features_source: {
    formula:
      'event where one of `user.attempts.sm2_easiness_factor_before`, `user.attempts.sm2_interval_before`, `user.attempts.bkt_prob_knowledge_before`, `user.attempts.irt_ability_before` is there, else computed',
  },
  feature_differences: {
    unit: 'that of the feature',
    formula:
      '`user.attempts.sm2_easiness_factor_before`, `user.attempts.sm2_interval_before`, `user.attempts.bkt_prob_knowledge_before`, `user.attempts.irt_ability_before` minus what was computed',
  },
  parameter_version: {
    formula: 'version of the topology’s parameters, named in each row made from `user.attempts`',
  },
  is_late: {
    formula:
      '`user.attempts.timestamp` is more than 7 days behind the latest of the learner; parameters',
  },
  ...dateOf('`user.attempts.timestamp`'),
}

export const adaptiveLearningNotes: NotesByTable = {
  'adaptive_learning.user_attempts': { columns: attemptColumns },
  'adaptive_learning.user_attempts_superseded': {
    columns: {
      ...attemptColumns,
      revision: { unit: 'rows', formula: 'number of earlier rows of the same `attempt_id`' },
      superseded_at: {
        formula: 'known_at of the row of `user.attempts` that took its place',
      },
    },
  },
  'adaptive_learning.user_attempts_wide': {
    meaning:
      'All attempts, with a column for the ability in each topic under the seed’s name, in place of the maps `irt_ability_before` and `feature_differences`. Its topics are those that occur when the view is made: by an instance a minute after its start and each hour, by `tidemark features view --create` at once, with `--topics` those that are named.',
    columns: {
      'irt_ability_<topic>_before': {
        ...logits,
        meaning:
          'Ability in this topic before the attempt, a column for each topic; NULL where the learner had not met the topic.',
        formula: 'the entry of the topic in `adaptive_learning.user_attempts.irt_ability_before`',
      },
    },
  },
  'adaptive_learning.user_sessions': {
    columns: {
      duration_minutes: { unit: 'min', formula: '`end_time` − `start_time`' },
      items_attempted: { unit: 'items' },
      correct_count: { unit: 'items' },
      accuracy: { unit: '0 to 1', formula: '`correct_count` / `items_attempted`' },
      items_per_minute: {
        unit: 'items a minute',
        formula: '`items_attempted` / `duration_minutes`',
      },
      topics: { formula: 'distinct `user.sessions.topics`, in order' },
      topics_count: { unit: 'topics', formula: 'length of `topics`' },
      start_hour: { unit: 'hour, 0 to 23', formula: 'UTC hour of `start_time`' },
      ...dateOf('`start_time`'),
    },
  },
  'adaptive_learning.daily_aggregations': {
    columns: {
      ...dateOf('`user.attempts.timestamp` or `user.sessions.start_time`'),
      total_attempts: {
        ...attempts,
        formula: 'number of distinct `adaptive_learning.user_attempts.attempt_id`',
      },
      correct_attempts: {
        ...attempts,
        formula: 'number of them whose `user.attempts.correct` is true',
      },
      accuracy: { unit: '0 to 1', formula: '`correct_attempts` / `total_attempts`' },
      avg_response_time_ms: { unit: 'ms', formula: 'mean of `user.attempts.time_taken_ms`' },
      total_study_time_minutes: {
        unit: 'min',
        formula: 'sum of `adaptive_learning.user_sessions.duration_minutes`',
      },
      unique_items_attempted: {
        unit: 'items',
        formula: 'number of distinct `user.attempts.item_id`',
      },
      total_sessions: {
        unit: 'sessions',
        formula: 'number of distinct `user.sessions.session_id`',
      },
    },
  },
  'adaptive_learning.ml_training': {
    columns: {
      features: { unit: 'that of each feature' },
      label: { unit: 'that of the label' },
      prediction: { unit: 'that of the label' },
      error: { unit: 'that of the label', formula: '`prediction` − `label`' },
      ...dateOf('`ml.training.timestamp`'),
    },
  },
  'adaptive_learning.item_statistics': {
    columns: itemStatisticsColumns(
      'a mark is 1 where the first attempt of the learner at the item has `user.attempts.correct`, else 0',
      'number of distinct `user.attempts.user_id` with an attempt at `user.attempts.item_id`',
      'number of distinct `user.attempts.user_id` with an attempt in `user.attempts.topic`',
    ),
  },
}
