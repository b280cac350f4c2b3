/**
 * Hands a table's changes on, each at once or only the last of each key when the batch ends (Kafka Streams'
 * record cache). Held back, the old value is the one before the batch, so that the changes of a key still
 * join up: the next old value equals the last new one.
 */
import type { Serde } from '../core/serde.ts'
import type { Change } from './change.ts'
import type { ProcessorContext, StreamRecord } from './processor.ts'

export type Emit = 'per-record' | 'on-commit'

export class ChangeEmitter<K, V> {
  readonly #context: ProcessorContext<K, Change<V>>
  readonly #keySerde: Serde<K>
  /** By the key's bytes. Bounded by the batch: `flush` empties it. */
  readonly #held: Map<string, StreamRecord<K, Change<V>>> | null

  constructor(context: ProcessorContext<K, Change<V>>, emit: Emit, keySerde: Serde<K>) {
    this.#context = context
    this.#keySerde = keySerde
    this.#held = emit === 'on-commit' ? new Map() : null
  }

  emit(record: StreamRecord<K, Change<V>>): void {
    if (this.#held === null) {
      this.#context.forward(record)
      return
    }
    const id = this.#keySerde.serialize(record.key).toString('latin1')
    const earlier = this.#held.get(id)
    const value =
      earlier === undefined
        ? record.value
        : { oldValue: earlier.value.oldValue, newValue: record.value.newValue }
    this.#held.set(id, { ...record, value })
    if (this.#context.onError !== 'fail') {
      this.#context.ifTakenBack(() => {
        if (earlier === undefined) this.#held?.delete(id)
        else this.#held?.set(id, earlier)
      })
    }
  }

  flush(): void {
    if (this.#held === null) return
    const records = [...this.#held.values()]
    this.#held.clear()
    // A key that came and went within the batch is handed on too: a join may have read it from the store.
    for (const record of records) this.#context.forward(record)
  }
}
