/** What is expected of the tables of adaptive learning. */
import * as facts from '../../../facts/adaptive-learning.ts'
import {
  agrees,
  atLeast,
  computed,
  oneOf,
  range,
  type RowCheck,
  type TableExpectations,
  type TopologyExpectations,
} from '../expectation.ts'
import { itemStatistics, undefinedStatistics } from './item-statistics.ts'

const windows = ['1h', '1d', '7d', '30d'] as const

/** Wins are attempts, and a longer window holds the shorter ones. */
const windowCounts: readonly RowCheck[] = ['user', 'topic'].flatMap((of) => [
  agrees(
    `${of}_wins_within_attempts`,
    windows.map((window) => `${of}_wins_${window} <= ${of}_attempts_${window}`).join(' AND '),
  ),
  agrees(
    `${of}_windows_nest`,
    `${of}_attempts_1h <= ${of}_attempts_1d AND ${of}_attempts_1d <= ${of}_attempts_7d AND ${of}_attempts_7d <= ${of}_attempts_30d`,
  ),
])

const dateOf = (column: string): readonly RowCheck[] => [
  range('month', 1, 12),
  range('day', 1, 31),
  agrees(
    'date_of_event',
    `(year, month, day) = (toYear(${column}), toMonth(${column}), toDayOfMonth(${column}))`,
  ),
]

const attempts: TableExpectations = {
  fact: facts.userAttempts,
  isArrival: true,
  isTimed: true,
  nullPercentMax: { session_id: 50 },
  naturalKey: ['user_id', 'item_id', 'event_time'],
  rows: [
    atLeast('time_taken_ms', 0),
    range('quality', 0, 5),
    oneOf('response_time_category', ['very_fast', 'fast', 'normal', 'slow', 'very_slow']),
    range('hour_of_day', 0, 23),
    range('day_of_week', 0, 6),
    ...dateOf('event_time'),
    atLeast('sm2_easiness_factor_before', 1.3),
    range('sm2_interval_before', 0, 36_500),
    range('bkt_prob_knowledge_before', 0, 1),
    range('probability_correct_before', 0, 1),
    oneOf('features_source', ['event', 'computed']),
    computed('response_time_seconds', 'time_taken_ms / 1000'),
    agrees('correct_is_answered', 'answered', 'correct'),
    agrees('weekend_of_day', 'is_weekend = (day_of_week >= 5)'),
    ...windowCounts,
    {
      name: 'time_taken_plausible',
      dimension: 'validity',
      level: 'Warning',
      holds: 'time_taken_ms <= 3600000',
      failedPercentMax: 1,
    },
  ],
  // Response times are spread like a logarithmic normal distribution; on their logarithm the fences mean the same on both sides.
  outliers: [{ name: 'response_times', value: 'log2(1 + time_taken_ms)', by: 'topic' }],
}

const sessions: TableExpectations = {
  fact: facts.userSessions,
  isArrival: true,
  isTimed: true,
  naturalKey: ['user_id', 'start_time'],
  // An open session has no end, and one without items no accuracy.
  mayBeNull: ['end_time', 'duration_minutes', 'accuracy', 'items_per_minute'],
  rows: [
    atLeast('items_attempted', 0),
    range('accuracy', 0, 1),
    range('start_hour', 0, 23),
    ...dateOf('start_time'),
    oneOf('session_type', ['practice', 'review', 'mock_test']),
    computed('accuracy', 'correct_count / items_attempted', 'items_attempted > 0'),
    computed(
      'duration_minutes',
      '(toUnixTimestamp64Milli(assumeNotNull(end_time)) - toUnixTimestamp64Milli(start_time)) / 60000',
      'end_time IS NOT NULL',
    ),
    computed('items_per_minute', 'items_attempted / duration_minutes', 'duration_minutes > 0'),
    agrees('session_ends_after_start', 'end_time >= start_time'),
    agrees('session_counts_consistent', 'correct_count >= 0 AND correct_count <= items_attempted'),
    agrees('topics_counted', 'topics_count = length(topics)'),
  ],
}

const days: TableExpectations = {
  fact: facts.dailyAggregations,
  isTimed: true,
  // A day may have sessions and no attempt.
  mayBeNull: ['accuracy', 'avg_response_time_ms'],
  rows: [
    atLeast('total_attempts', 0),
    range('accuracy', 0, 1),
    atLeast('avg_response_time_ms', 0),
    atLeast('total_study_time_minutes', 0),
    range('month', 1, 12),
    range('day', 1, 31),
    computed('accuracy', 'correct_attempts / total_attempts', 'total_attempts > 0'),
    agrees('correct_within_attempts', 'correct_attempts <= total_attempts'),
    agrees('items_within_attempts', 'unique_items_attempted <= total_attempts'),
    agrees('accuracy_where_attempts', '(accuracy IS NULL) = (total_attempts = 0)'),
  ],
  totals: [
    {
      name: 'attempts_add_up',
      total: 'total_attempts',
      of: 'adaptive_learning.user_attempts',
      sum: 'count()',
      by: { user_id: 'user_id', year: 'year', month: 'month', day: 'day' },
    },
    {
      name: 'correct_attempts_add_up',
      total: 'correct_attempts',
      of: 'adaptive_learning.user_attempts',
      sum: 'countIf(correct)',
      by: { user_id: 'user_id', year: 'year', month: 'month', day: 'day' },
    },
    {
      name: 'sessions_add_up',
      total: 'total_sessions',
      of: 'adaptive_learning.user_sessions',
      sum: 'count()',
      by: { user_id: 'user_id', year: 'year', month: 'month', day: 'day' },
    },
  ],
  unusual: [
    {
      name: 'unusual_days',
      // A day with sessions alone has neither accuracy nor response times.
      where: 'total_attempts > 0',
      features: [
        { name: 'total_attempts', value: 'total_attempts', scale: 'logarithmic' },
        { name: 'accuracy', value: 'accuracy', scale: 'even' },
        { name: 'avg_response_time_ms', value: 'avg_response_time_ms', scale: 'logarithmic' },
        {
          name: 'total_study_time_minutes',
          value: 'total_study_time_minutes',
          scale: 'logarithmic',
        },
        {
          name: 'attempts_per_item',
          value: 'total_attempts / unique_items_attempted',
          scale: 'logarithmic',
        },
      ],
    },
  ],
}

const training: TableExpectations = {
  fact: facts.mlTraining,
  isArrival: true,
  isTimed: true,
  // Not every model has a version, and not every example rests on one attempt.
  mayBeNull: ['model_version', 'user_id', 'item_id', 'prediction', 'error'],
  rows: [
    ...dateOf('event_time'),
    computed('error', 'prediction - label'),
    agrees('error_where_predicted', '(error IS NULL) = (prediction IS NULL OR label IS NULL)'),
  ],
}

export const adaptiveLearning: TopologyExpectations = {
  topology: 'adaptive-learning',
  tables: [
    attempts,
    sessions,
    days,
    training,
    { fact: facts.itemStatistics, mayBeNull: undefinedStatistics, rows: itemStatistics },
  ],
  unjudged: {
    'adaptive_learning.user_attempts_superseded': 'rows that were replaced, with their faults',
  },
}
