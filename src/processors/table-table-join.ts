/**
 * Joins the rows that two tables have under one key, and keeps the result: a change of either is joined with what the
 * other one holds. The result is the relational join of the two, in whatever order their updates come; its time is the
 * later one of its rows, deletes included.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { attempted } from './attempted.ts'
import { ChangeEmitter } from './change-emitter.ts'
import type { Emit } from './change-emitter.ts'
import type { Change } from './change.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from './processor.ts'
import type { TableReader, TableView } from './table-view.ts'
import type { Timestamped } from './timestamped.ts'

/** Which rows are in the result: those of both tables, all of the left one, or all of either. */
export type JoinKind = 'inner' | 'left' | 'outer'

export interface TableTableJoinOptions<K, VLeft, VRight, R> {
  /** The parent that brings the left table's changes; the other one brings the right table's. */
  readonly leftParent: string
  readonly left: TableView<K, VLeft>
  readonly right: TableView<K, VRight>
  readonly kind: JoinKind
  readonly joiner: (left: VLeft | null, right: VRight | null, key: K) => R
  readonly store: StoreName
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<R>
  readonly emit: Emit
}

export class TableTableJoinProcessor<K, VLeft, VRight, R> implements Processor<
  K,
  Change<VLeft> | Change<VRight>,
  K,
  Change<R>
> {
  readonly #options: TableTableJoinOptions<K, VLeft, VRight, R>
  #left!: TableReader<K, VLeft>
  #right!: TableReader<K, VRight>
  #context!: ProcessorContext<K, Change<R>>
  #results!: KeyValueStore<K, Timestamped<R>>
  #emitter!: ChangeEmitter<K, R>

  constructor(options: TableTableJoinOptions<K, VLeft, VRight, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<R>>): void {
    this.#context = context
    this.#left = this.#options.left.open(context)
    this.#right = this.#options.right.open(context)
    this.#results = context.store(this.#options.store)
    this.#emitter = new ChangeEmitter(context, this.#options.emit, this.#options.keySerde)
  }

  prefetch({ key }: StreamRecord<K>, parent: string, prefetch: Prefetch): void {
    const { leftParent, left, right, store } = this.#options
    if (parent === leftParent) right.prefetch(key, prefetch)
    else left.prefetch(key, prefetch)
    prefetch.key(store, key)
  }

  process(record: StreamRecord<K, Change<VLeft> | Change<VRight>>, parent: string): void {
    const { key, value: change, timestampMs } = record
    const own = { value: change.newValue, timestampMs }
    // What came and went within a batch may have been joined meanwhile; else there is nothing new.
    const isIdle = change.oldValue === null && change.newValue === null
    if (parent === this.#options.leftParent) {
      this.#joined(record, own as Timestamped<VLeft>, this.#right.get(key), isIdle)
    } else {
      this.#joined(record, this.#left.get(key), own as Timestamped<VRight>, isIdle)
    }
  }

  flush(): void {
    this.#emitter.flush()
  }

  #joined(
    record: StreamRecord<K>,
    left: Timestamped<VLeft> | undefined,
    right: Timestamped<VRight> | undefined,
    isIdle: boolean,
  ): void {
    const { key, headers } = record
    const timestampMs = Math.max(left?.timestampMs ?? -Infinity, right?.timestampMs ?? -Infinity)
    const oldValue = this.#results.get(key)?.value ?? null
    const newValue = attempted(this.#context, record, () =>
      this.#join(left?.value ?? null, right?.value ?? null, key),
    )
    if (isIdle && this.#isSame(oldValue, newValue)) return
    if (newValue === null) this.#results.delete(key)
    else this.#results.put(key, { value: newValue, timestampMs })
    if (oldValue === null && newValue === null) return
    this.#emitter.emit({ key, value: { oldValue, newValue }, timestampMs, headers })
  }

  #isSame(one: R | null, other: R | null): boolean {
    if (one === null || other === null) return one === other
    const { valueSerde } = this.#options
    return valueSerde.serialize(one).equals(valueSerde.serialize(other))
  }

  #join(left: VLeft | null, right: VRight | null, key: K): R | null {
    const { kind, joiner } = this.#options
    const isIn =
      kind === 'outer'
        ? left !== null || right !== null
        : left !== null && (kind === 'left' || right !== null)
    return isIn ? joiner(left, right, key) : null
  }
}
