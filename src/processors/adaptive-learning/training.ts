/** Training examples: checked, one row each, of two versions the later. */
import type { MlTrainingFact } from '../../facts/adaptive-learning.ts'
import { avroSerde, type EarlierLayout } from '../../schema/avro-serde.ts'
import type { RowContext } from '../fact-rows.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { passes, trainingChecks } from './attempt-checks.ts'
import type { MlTraining } from './events.ts'
import { dateOf } from './utc.ts'
import { compareContents, entriesOf, sentMsOf, type Content } from './version-order.ts'

type TrainingId = readonly [trainingId: string]

/** An example with its times. */
export interface Training {
  readonly event: MlTraining
  readonly timestampMs: number
  /** When this version was sent. */
  readonly sentMs: number
}

export class TrainingChecksProcessor implements Processor<
  TrainingId,
  MlTraining | null,
  TrainingId,
  Training
> {
  #context!: ProcessorContext<TrainingId, Training>

  init(context: ProcessorContext<TrainingId, Training>): void {
    this.#context = context
  }

  process(record: StreamRecord<TrainingId, MlTraining | null>): void {
    const { value: event, timestampMs } = record
    if (event === null) {
      this.#context.countDropped('null-value')
      return
    }
    if (!passes(trainingChecks, event, this.#context)) return
    const sentMs = sentMsOf(this.#context, timestampMs)
    this.#context.forward({ ...record, value: { event, timestampMs, sentMs } })
  }
}

/** The later one; at the same time the one that was sent later; then the greater. */
export function laterTraining(a: Training, b: Training): Training {
  const order =
    a.timestampMs - b.timestampMs ||
    a.sentMs - b.sentMs ||
    compareContents(contentOf(a), contentOf(b))
  return order >= 0 ? a : b
}

function contentOf({ event }: Training): Content {
  const { algorithm, model_version, user_id, item_id, features, label, prediction } = event
  return [label, prediction, entriesOf(features), algorithm, model_version, user_id, item_id]
}

export function trainingRow(
  { event, timestampMs }: Training,
  { knownAtMs }: RowContext<TrainingId>,
): MlTrainingFact {
  const { timestamp: _, ...columns } = event
  const { label, prediction } = event
  return {
    ...columns,
    error: label === null || prediction === null ? null : prediction - label,
    ...dateOf(timestampMs),
    event_time: timestampMs,
    known_at: knownAtMs,
  }
}

const maybeText = ['null', 'string'] as const
const maybeNumber = ['null', 'double'] as const

const earlierFields = [
  {
    name: 'event',
    type: {
      type: 'record',
      name: 'MlTraining',
      fields: [
        { name: 'training_id', type: 'string' },
        { name: 'algorithm', type: 'string' },
        { name: 'model_version', type: maybeText },
        { name: 'user_id', type: maybeText },
        { name: 'item_id', type: maybeText },
        { name: 'features', type: { type: 'map', values: 'double' } },
        { name: 'label', type: maybeNumber },
        { name: 'prediction', type: maybeNumber },
        { name: 'timestamp', type: ['null', 'long'] },
      ],
    },
  },
  { name: 'timestampMs', type: 'long' },
]

/** Did not know when a version was sent: at its event's time, as records have it that came in by a door. */
const earlierLayout: EarlierLayout<Training> = {
  layout: 1,
  schema: { type: 'record', name: 'Training', fields: earlierFields },
  upgrade: (earlier: Omit<Training, 'sentMs'>) => ({ ...earlier, sentMs: earlier.timestampMs }),
}

const schema = {
  type: 'record',
  name: 'Training',
  fields: [...earlierFields, { name: 'sentMs', type: 'long' }],
}

export const trainingSerde = avroSerde<Training>('training examples', 2, schema, [earlierLayout])
