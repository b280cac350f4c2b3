/** The operators that look at one record and nothing else, of streams and of table changes. */
import type { Serde } from '../core/serde.ts'
import { attempted, quietly } from './attempted.ts'
import type { Change } from './change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier, StreamRecord } from './processor.ts'

type Handle<KIn, VIn, KOut, VOut> = (
  record: StreamRecord<KIn, VIn>,
  context: ProcessorContext<KOut, VOut>,
) => void

class StatelessProcessor<KIn, VIn, KOut, VOut> implements Processor<KIn, VIn, KOut, VOut> {
  readonly #handle: Handle<KIn, VIn, KOut, VOut>
  #context!: ProcessorContext<KOut, VOut>

  constructor(handle: Handle<KIn, VIn, KOut, VOut>) {
    this.#handle = handle
  }

  init(context: ProcessorContext<KOut, VOut>): void {
    this.#context = context
  }

  process(record: StreamRecord<KIn, VIn>): void {
    this.#handle(record, this.#context)
  }
}

function stateless<KIn, VIn, KOut, VOut>(
  handle: Handle<KIn, VIn, KOut, VOut>,
): ProcessorSupplier<KIn, VIn, KOut, VOut> {
  return () => new StatelessProcessor(handle)
}

export function mapSupplier<K, V, K2, V2>(
  mapper: (key: K, value: V) => readonly [K2, V2],
): ProcessorSupplier<K, V, K2, V2> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    const [newKey, newValue] = mapper(key, value)
    context.forward({ key: newKey, value: newValue, timestampMs, headers })
  })
}

export function mapValuesSupplier<K, V, V2>(
  mapper: (value: V, key: K) => V2,
): ProcessorSupplier<K, V, K, V2> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    context.forward({ key, value: mapper(value, key), timestampMs, headers })
  })
}

export function selectKeySupplier<K, V, K2>(
  selector: (key: K, value: V) => K2,
): ProcessorSupplier<K, V, K2, V> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    context.forward({ key: selector(key, value), value, timestampMs, headers })
  })
}

export function flatMapSupplier<K, V, K2, V2>(
  mapper: (key: K, value: V) => Iterable<readonly [K2, V2]>,
): ProcessorSupplier<K, V, K2, V2> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    for (const [newKey, newValue] of mapper(key, value)) {
      context.forward({ key: newKey, value: newValue, timestampMs, headers })
    }
  })
}

export function flatMapValuesSupplier<K, V, V2>(
  mapper: (value: V, key: K) => Iterable<V2>,
): ProcessorSupplier<K, V, K, V2> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    for (const newValue of mapper(value, key)) {
      context.forward({ key, value: newValue, timestampMs, headers })
    }
  })
}

export function filterSupplier<K, V>(
  predicate: (key: K, value: V) => boolean,
): ProcessorSupplier<K, V, K, V> {
  return stateless((record, context) => {
    if (predicate(record.key, record.value)) context.forward(record)
  })
}

export function peekSupplier<K, V>(
  action: (key: K, value: V) => void,
): ProcessorSupplier<K, V, K, V> {
  return stateless((record, context) => {
    action(record.key, record.value)
    context.forward(record)
  })
}

/** To the child of the first predicate that holds; a record that none takes goes nowhere. */
export function branchSupplier<K, V>(
  branches: readonly {
    readonly child: string
    readonly predicate: (key: K, value: V) => boolean
  }[],
): ProcessorSupplier<K, V, K, V> {
  return stateless((record, context) => {
    const taken = branches.find(({ predicate }) => predicate(record.key, record.value))
    if (taken !== undefined) context.forward(record, taken.child)
  })
}

/** Hands every record on: a place where streams meet, or a branch begins. */
export const passThroughSupplier: ProcessorSupplier = stateless((record, context) => {
  context.forward(record)
})

/** In front of a repartition topic: a record without a key belongs to no partition. */
export const keyedSupplier: ProcessorSupplier = stateless((record, context) => {
  if (record.key === null || record.key === undefined) context.countDropped('null-key')
  else context.forward(record)
})

/** Of a table: each side of the change through `transform`, null leaving the key out. */
export function transformTableSupplier<K, V, R>(
  transform: (value: V, key: K) => R | null,
): ProcessorSupplier<K, Change<V>, K, Change<R>> {
  const quiet = quietly(transform)
  return stateless((record, context) => {
    const { key, timestampMs, headers } = record
    const { oldValue, newValue } = record.value
    const before = context.onError === 'fail' ? transform : quiet
    const value = {
      oldValue: oldValue === null ? null : before(oldValue, key),
      newValue:
        newValue === null ? null : attempted(context, record, () => transform(newValue, key)),
    }
    // Handed on even where both sides are null: see ChangeEmitter.
    context.forward({ key, value, timestampMs, headers })
  })
}

/** A change from nothing to nothing is none to the world outside. */
export function toStreamSupplier<K, V>(): ProcessorSupplier<K, Change<V>, K, V | null> {
  return stateless(({ key, value, timestampMs, headers }, context) => {
    if (value.oldValue === null && value.newValue === null) return
    context.forward({ key, value: value.newValue, timestampMs, headers })
  })
}

/**
 * Sends a table's change to the groups it belongs to: the old value to be taken out of its group, then the new
 * one to be put into its group; in one record where both are of one group, so that the group is never seen
 * without the row (KIP-904).
 */
export function groupTableSupplier<K, V, K2, V2>(
  selector: (key: K, value: V) => readonly [K2, V2],
  keySerde: Serde<K2>,
): ProcessorSupplier<K, Change<V>, K2, Change<V2>> {
  const select = (value: V, key: K) => selector(key, value)
  const quiet = quietly(select)
  return stateless((record, context) => {
    const { key, timestampMs, headers } = record
    const { oldValue, newValue } = record.value
    const groupBefore = context.onError === 'fail' ? select : quiet
    const before = oldValue === null ? null : groupBefore(oldValue, key)
    const after =
      newValue === null ? null : attempted(context, record, () => selector(key, newValue))
    const forward = (groupKey: K2, value: Change<V2>) => {
      if (groupKey === null || groupKey === undefined) context.countDropped('null-key')
      else context.forward({ key: groupKey, value, timestampMs, headers })
    }
    if (before !== null && after !== null && isSameKey(keySerde, before[0], after[0])) {
      forward(after[0], { oldValue: before[1], newValue: after[1] })
      return
    }
    if (before !== null) forward(before[0], { oldValue: before[1], newValue: null })
    if (after !== null) forward(after[0], { oldValue: null, newValue: after[1] })
  })
}

function isSameKey<K>(keySerde: Serde<K>, one: K, other: K): boolean {
  if (one === other) return true
  if (one === null || other === null || one === undefined || other === undefined) return false
  return keySerde.serialize(one).equals(keySerde.serialize(other))
}
