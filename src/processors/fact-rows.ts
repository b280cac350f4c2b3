/** Turns values into fact rows, which carry when they were computed. A null value deletes the row. */
import type { Processor, ProcessorContext, StreamRecord } from './processor.ts'

export type RowOf<Key, Value, Row> = (value: Value, knownAtMs: number, key: Key) => Row | null

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
    const row =
      record.value === null
        ? null
        : this.#rowOf(record.value, this.#context.wallClockMs, record.key)
    this.#context.forward({ ...record, value: row })
  }
}
