/** The quality checks of attempts and sessions. What fails one is quarantined with its original bytes. */
import type { ProcessorContext } from '../processor.ts'
import type { MlTraining, UserAttempt, UserSession } from './events.ts'

export interface Check<Event> {
  readonly name: string
  readonly level: 'Critical' | 'Error' | 'Warning'
  /** Null where the event passes. */
  readonly fault: (event: Event) => string | null
}

/** Slower answers have their rows, and are counted as warnings: somebody left the screen. */
const plausibleMs = 3_600_000
/** Sums over a day stay exact whole numbers, however many attempts it has. */
const timeTakenMsMax = 10 * 86_400_000
const sessionMsMax = 366 * 86_400_000
/** Of logits, factors and days: what is computed from them stays finite. */
const featureMax = 1e6
/** Of training examples: differences and means stay finite. */
const trainingMax = 1e15
const accuracyTolerance = 0.005
const sessionTypes: readonly string[] = ['practice', 'review', 'mock_test']

export const attemptChecks: readonly Check<UserAttempt>[] = [
  {
    name: 'item_identified',
    level: 'Critical',
    fault: ({ item_id }) => (item_id === '' ? 'item_id is empty; an attempt needs its item' : null),
  },
  {
    name: 'time_taken_not_negative',
    level: 'Error',
    fault: ({ time_taken_ms }) =>
      time_taken_ms < 0 ? `time_taken_ms is ${time_taken_ms}; expected 0 or more` : null,
  },
  {
    name: 'time_taken_at_most_10_days',
    level: 'Error',
    fault: ({ time_taken_ms }) =>
      time_taken_ms > timeTakenMsMax
        ? `time_taken_ms is ${time_taken_ms}; expected ${timeTakenMsMax}, 10 days, or less`
        : null,
  },
  {
    name: 'quality_in_range',
    level: 'Error',
    fault: ({ quality }) =>
      quality !== null && (quality < 0 || quality > 5)
        ? `quality is ${quality}; expected 0 to 5, or null`
        : null,
  },
  {
    name: 'correct_is_answered',
    level: 'Error',
    fault: ({ correct, answered }) =>
      correct && !answered ? 'correct is true where answered is false' : null,
  },
  {
    name: 'features_in_range',
    level: 'Error',
    fault: featureFault,
  },
  {
    name: 'time_taken_plausible',
    level: 'Warning',
    fault: ({ time_taken_ms }) =>
      time_taken_ms > plausibleMs
        ? `time_taken_ms is ${time_taken_ms}, above ${plausibleMs}`
        : null,
  },
]

export const sessionChecks: readonly Check<UserSession>[] = [
  {
    name: 'session_identified',
    level: 'Critical',
    fault: ({ session_id }) => (session_id === '' ? 'session_id is empty' : null),
  },
  {
    name: 'session_ends_after_start',
    level: 'Error',
    fault: ({ start_time, end_time }) =>
      end_time !== null && end_time < start_time
        ? `end_time is ${start_time - end_time} ms before start_time`
        : null,
  },
  {
    name: 'session_at_most_a_year',
    level: 'Error',
    fault: ({ start_time, end_time }) =>
      end_time !== null && end_time - start_time > sessionMsMax
        ? `end_time is ${end_time - start_time} ms after start_time; expected 366 days or less`
        : null,
  },
  {
    name: 'session_counts_consistent',
    level: 'Error',
    fault: ({ items_attempted, correct_count }) =>
      correct_count < 0 || correct_count > items_attempted
        ? `correct_count is ${correct_count} of items_attempted ${items_attempted}`
        : null,
  },
  {
    name: 'session_accuracy_consistent',
    level: 'Error',
    fault: accuracyFault,
  },
  {
    name: 'session_type_known',
    level: 'Error',
    fault: ({ session_type }) =>
      sessionTypes.includes(session_type)
        ? null
        : `session_type is ${JSON.stringify(session_type)}; expected ${sessionTypes.join(', ')}`,
  },
]

export const trainingChecks: readonly Check<MlTraining>[] = [
  {
    name: 'training_finite',
    level: 'Error',
    fault: ({ features, label, prediction }) => {
      const numbers = [
        ...Object.entries(features).map(([name, value]) => [`features.${name}`, value] as const),
        ['label', label ?? 0] as const,
        ['prediction', prediction ?? 0] as const,
      ]
      const found = numbers.find(([, value]) => !(Math.abs(value) <= trainingMax))
      return found === undefined
        ? null
        : `${found[0]} is ${found[1]}; expected a number within ±${trainingMax}`
    },
  },
]

/** True where the event may go on. */
export function passes<Event>(
  checks: readonly Check<Event>[],
  event: Event,
  context: Pick<ProcessorContext, 'quarantine'>,
): boolean {
  let mayGoOn = true
  for (const { name, level, fault } of checks) {
    const reason = fault(event)
    if (reason === null) continue
    context.quarantine({ check: name, level, reason })
    if (level !== 'Warning') mayGoOn = false
  }
  return mayGoOn
}

function featureFault(event: UserAttempt): string | null {
  const { sm2_easiness_factor_before: factor, sm2_interval_before: interval } = event
  const { bkt_prob_knowledge_before: known, item_difficulty, irt_ability_before } = event
  if (factor !== null && !(factor >= 1.3 && factor <= featureMax)) {
    return `sm2_easiness_factor_before is ${factor}; expected 1.3 to ${featureMax}`
  }
  if (interval !== null && !(interval >= 0 && interval <= featureMax)) {
    return `sm2_interval_before is ${interval}; expected 0 to ${featureMax}`
  }
  if (known !== null && !(known >= 0 && known <= 1)) {
    return `bkt_prob_knowledge_before is ${known}; expected 0 to 1`
  }
  if (item_difficulty !== null && !(Math.abs(item_difficulty) <= featureMax)) {
    return `item_difficulty is ${item_difficulty}; expected a number within ±${featureMax}, or null`
  }
  const found = Object.entries(irt_ability_before ?? {}).find(
    ([, value]) => !(Math.abs(value) <= featureMax),
  )
  return found === undefined
    ? null
    : `irt_ability_before of ${JSON.stringify(found[0])} is ${found[1]}; expected a number within ±${featureMax}`
}

function accuracyFault({ accuracy, correct_count, items_attempted }: UserSession): string | null {
  if (accuracy === null || items_attempted === 0) return null
  const counted = correct_count / items_attempted
  return Math.abs(accuracy - counted) <= accuracyTolerance
    ? null
    : `accuracy is ${accuracy} where ${correct_count} of ${items_attempted} were right`
}
