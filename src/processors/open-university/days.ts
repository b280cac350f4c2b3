/** The days that rows name: each goes on once. */
import type { DateDimension } from '../../facts/open-university-star.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { RowContext } from '../fact-rows.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { weekOfDay } from './presentation.ts'

type DayKey = readonly [day: number]
const noBytes = Buffer.alloc(0)

export class NewDaysProcessor implements Processor<DayKey, number, DayKey, number> {
  readonly #storeName: string
  #context!: ProcessorContext<DayKey, number>
  #known!: KeyValueStore<DayKey, Buffer>

  constructor(storeName: string) {
    this.#storeName = storeName
  }

  init(context: ProcessorContext<DayKey, number>): void {
    this.#context = context
    this.#known = context.store(this.#storeName)
  }

  process(record: StreamRecord<DayKey, number>): void {
    if (this.#known.get(record.key) !== undefined) return
    this.#known.put(record.key, noBytes)
    this.#context.forward(record)
  }
}

/** Its time is the epoch: the day of no presentation in particular. */
export function dateRow(date: number, { knownAtMs }: RowContext<DayKey>): DateDimension {
  const week = weekOfDay(date)
  return {
    date,
    week,
    day_of_week: date - 7 * week,
    is_before_start: date < 0,
    event_time: 0,
    known_at: knownAtMs,
  }
}
