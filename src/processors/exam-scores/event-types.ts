/** The kinds of event seen, once a batch each: few records, however many events. */
import { noHeaders } from '../../core/record.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import type { Score } from './score.ts'

export interface EventTypeSeen {
  readonly eventType: string
  readonly eventTimeMs: number
}

export class EventTypesProcessor implements Processor<
  readonly [string],
  Score,
  readonly [string],
  EventTypeSeen
> {
  #context!: ProcessorContext<readonly [string], EventTypeSeen>
  readonly #latestMs = new Map<string, number>()

  init(context: ProcessorContext<readonly [string], EventTypeSeen>): void {
    this.#context = context
  }

  process({ value, timestampMs }: StreamRecord<readonly [string], Score>): void {
    const latestMs = this.#latestMs.get(value.eventType)
    if (latestMs === undefined || timestampMs > latestMs) {
      this.#latestMs.set(value.eventType, timestampMs)
    }
  }

  flush(): void {
    for (const [eventType, eventTimeMs] of this.#latestMs) {
      this.#context.forward({
        key: [eventType],
        value: { eventType, eventTimeMs },
        timestampMs: eventTimeMs,
        headers: noHeaders,
      })
    }
    this.#latestMs.clear()
  }
}

export function laterSeen(a: EventTypeSeen, b: EventTypeSeen): EventTypeSeen {
  return a.eventTimeMs >= b.eventTimeMs ? a : b
}

export const eventTypeSerde = avroSerde<EventTypeSeen>('event types', 1, {
  type: 'record',
  name: 'EventTypeSeen',
  fields: [
    { name: 'eventType', type: 'string' },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
