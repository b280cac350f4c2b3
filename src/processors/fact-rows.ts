/** Turns values into fact rows, which say when they happened and when they were computed. */
import type { Processor, ProcessorContext, StreamRecord } from './processor.ts'

export interface RowContext<Key> {
  readonly key: Key
  /** Of the record, milliseconds since the epoch. */
  readonly eventTimeMs: number
  readonly knownAtMs: number
}

/** The row of a value; null deletes it. */
export type RowOf<Key, Value, Row> = (value: Value, context: RowContext<Key>) => Row | null

export class FactRowsProcessor<Key, Value, Row> implements Processor<
  Key,
  Value | null,
  Key,
  Row | null
> {
  readonly #rowOf: RowOf<Key, Value, Row>
  #context!: ProcessorContext<Key, Row | null>

  constructor(rowOf: RowOf<Key, Value, Row>) {
    this.#rowOf = rowOf
  }

  init(context: ProcessorContext<Key, Row | null>): void {
    this.#context = context
  }

  process(record: StreamRecord<Key, Value | null>): void {
    const { key, value, timestampMs } = record
    const knownAtMs = this.#context.wallClockMs
    const row =
      value === null ? null : this.#rowOf(value, { key, eventTimeMs: timestampMs, knownAtMs })
    this.#context.forward({ ...record, value: row })
  }
}
