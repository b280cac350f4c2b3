/** Training examples: checked, one row each, of two versions the later. */
import type { MlTrainingFact } from '../../facts/adaptive-learning.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { RowContext } from '../fact-rows.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { compareText } from '../text-order.ts'
import { passes, trainingChecks } from './attempt-checks.ts'
import type { MlTraining } from './events.ts'
import { dateOf } from './utc.ts'

type TrainingId = readonly [trainingId: string]

/** An example with its time. */
export interface Training {
  readonly event: MlTraining
  readonly timestampMs: number
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
    this.#context.forward({ ...record, value: { event, timestampMs } })
  }
}

export function laterTraining(a: Training, b: Training): Training {
  const order = a.timestampMs - b.timestampMs || compareText(contentOf(a), contentOf(b))
  return order >= 0 ? a : b
}

function contentOf({ event }: Training): string {
  const features = Object.entries(event.features).sort(([a], [b]) => compareText(a, b))
  const { algorithm, model_version, user_id, item_id, label, prediction } = event
  return JSON.stringify([algorithm, model_version, user_id, item_id, features, label, prediction])
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

export const trainingSerde = avroSerde<Training>('training examples', 1, {
  type: 'record',
  name: 'Training',
  fields: [
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
  ],
})
