/** State changes as storage operations: the stores' numbers, and the keys made of them. */
import type { StoreName } from '../core/record.ts'
import type { StateAddress, StateChange } from '../core/state.ts'
import type { StorageOperation } from './ordered-storage.ts'
import { metaKey, metaValue, stateKey } from './storage-keys.ts'

export class StateWrites {
  readonly #numbers = new Map<StoreName, number>()
  #nextNumber = 1

  /** Undefined while nothing was ever written to the store. */
  numberOf(store: StoreName): number | undefined {
    return this.#numbers.get(store)
  }

  /** Null while nothing was ever written to the store. */
  keyOf(address: StateAddress & { readonly key: Buffer }): Buffer | null {
    const number = this.#numbers.get(address.store)
    return number === undefined ? null : stateKey(number, address.partition, address.key)
  }

  adopt(store: StoreName, number: number): void {
    this.#numbers.set(store, number)
    this.#nextNumber = Math.max(this.#nextNumber, number + 1)
  }

  clear(): void {
    this.#numbers.clear()
    this.#nextNumber = 1
  }

  /** A store's first change writes its number in the same operation list. */
  append(changes: readonly StateChange[], operations: StorageOperation[]): void {
    for (const { store, partition, key, value } of changes) {
      const number = this.#numbers.get(store) ?? this.#number(store, operations)
      const full = stateKey(number, partition, key)
      operations.push(
        value === null
          ? { kind: 'delete', family: 'state', key: full }
          : { kind: 'put', family: 'state', key: full, value },
      )
    }
  }

  #number(store: StoreName, operations: StorageOperation[]): number {
    const number = this.#nextNumber++
    this.#numbers.set(store, number)
    const key = metaKey('store', store)
    operations.push({ kind: 'put', family: 'meta', key, value: metaValue(number) })
    return number
  }
}

export function changesBytes(changes: readonly StateChange[]): number {
  let bytes = 0
  for (const { key, value } of changes) bytes += 16 + key.length + (value?.length ?? 0)
  return bytes
}
